//! What is printed so that nobody overlooks it.

/// Width of the text within a box, in characters.
const WIDTH: usize = 96;

/// Draws a box around a text, whose long lines are broken at spaces.
pub(crate) fn boxed(text: &str) -> String {
    let lines: Vec<String> = text.lines().flat_map(wrap).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let edge = format!("+{}+\n", "=".repeat(width + 2));
    let body: String = lines.iter().map(|line| format!("| {line:width$} |\n")).collect();
    format!("{edge}{body}{edge}")
}

/// Breaks one line at spaces. A word that is longer than the width stays whole.
fn wrap(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let fresh = lines.last().is_none_or(String::is_empty);
        match lines.last_mut() {
            Some(last) if fresh => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= WIDTH => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_as_wide_as_its_longest_line() {
        assert_eq!(boxed("not tested\nwhy"), "+============+\n| not tested |\n| why        |\n+============+\n");
    }

    #[test]
    fn long_lines_are_broken_and_keep_their_words() {
        let text = "word ".repeat(60);
        let drawn = boxed(text.trim_end());
        assert!(drawn.lines().all(|line| line.chars().count() <= WIDTH + 4), "{drawn}");
        assert_eq!(drawn.matches("word").count(), 60);
        assert!(drawn.lines().count() > 4);
    }
}
