//! Telling what a flow has logged from what else its process writes to its standard error.
//!
//! Engines send what flows and tasks log to the server, and write it there too: a time, a level and whose it is with bars between,
//! and below it what more lines the message has, a traceback say.

/// What the lines so far have been.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    /// Whether the line before belongs to something that was logged.
    follows: bool,
    /// Whether a traceback has begun, which ends with a line that is not indented.
    in_traceback: bool,
}

impl Logged {
    /// Tells whether the next line is of something that was logged.
    pub(crate) fn has(&mut self, line: &str) -> bool {
        if let Some(rest) = behind_time(line) {
            let subject = rest.split_once(" | ").map(|(_, subject)| subject);
            let is_of_run = subject
                .is_some_and(|subject| ["Flow run '", "Task run '"].iter().any(|begin| subject.starts_with(begin)));
            *self = Logged { follows: is_of_run, in_traceback: false };
        } else if self.follows {
            let is_begin = line.starts_with("Traceback (most recent call last)");
            let is_more = line.is_empty() || line.starts_with([' ', '\t']);
            let links = line.starts_with("During handling of") || line.starts_with("The above exception was");
            self.follows = is_begin || is_more || links || self.in_traceback;
            self.in_traceback = is_begin || (self.in_traceback && is_more);
        }
        self.follows
    }
}

/// Gives what stands behind the time that a line of a console begins with: `12:30:05.250 | `.
fn behind_time(line: &str) -> Option<&str> {
    let (time, rest) = line.split_once(" | ")?;
    let is_time = time.len() == "12:30:05.250".len()
        && time.bytes().enumerate().all(|(place, byte)| match place {
            2 | 5 => byte == b':',
            8 => byte == b'.',
            _ => byte.is_ascii_digit(),
        });
    is_time.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flow_has_logged_is_known_with_its_traceback() {
        let text = "\
y12:30:05.250 | INFO    | Flow run 'calm-koala' - sold 3
nwarning: old
y12:30:05.251 | ERROR   | Task run 'sell-1' - failed
yTraceback (most recent call last):
y  File \"a.py\", line 3
yValueError: x
y
yDuring handling of the above exception, another exception occurred:
y
yTraceback (most recent call last):
y  File \"a.py\", line 5
yKeyError: y
nsegmentation fault
n  indented
n12:30:05.252 | WARNING | prefect.events - slow
nTraceback (most recent call last):
n12 | 3 | Flow run '";
        let mut logged = Logged::default();
        for line in text.lines() {
            let (expected, line) = line.split_at(1);
            assert_eq!(logged.has(line), expected == "y", "{line}");
        }
    }
}
