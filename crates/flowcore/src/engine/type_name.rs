//! Names of types as people write them.

/// Writes a type's name without the paths in it: `Vec<Option<Duration>>`.
pub(crate) fn short_type_name<T>() -> String {
    let full = std::any::type_name::<T>();
    let mut name = String::with_capacity(full.len());
    let mut word = String::new();
    for letter in full.chars() {
        match letter {
            ':' => word.clear(),
            letter if letter.is_alphanumeric() || letter == '_' => word.push(letter),
            letter => {
                name.push_str(&std::mem::take(&mut word));
                name.push(letter);
            }
        }
    }
    name.push_str(&word);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_short_names() {
        assert_eq!(short_type_name::<Vec<Option<String>>>(), "Vec<Option<String>>");
        assert_eq!(short_type_name::<&str>(), "&str");
        assert_eq!(short_type_name::<(u8, std::time::Duration)>(), "(u8, Duration)");
    }
}
