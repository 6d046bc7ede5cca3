//! Settings in a table of a file, under whatever names they have there.

use flowcore::settings::{KnownSetting, SettingName, find_setting};
use toml_edit::{Item, Table, TableLike, Value};

/// How a new key is written.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    /// By the variable's name, as profiles have it.
    Variable,
    /// In tables.
    Key,
}

/// Sets a setting: in its place if the table has it in whatever spelling, or else at the end.
pub(crate) fn set(table: &mut dyn TableLike, name: SettingName, text: &str, spelling: Spelling) {
    let mut mentioned = mentions(table, name.setting);
    let kept = mentioned.iter().position(|mention| mention.from_file == name.from_file);
    let kept = kept.map(|kept| mentioned.remove(kept));
    mentioned.iter().for_each(|mention| remove(table, &mention.path));
    let item = match kept {
        Some(mention) => find(table, &mention.path),
        None => Some(new_item(table, name, spelling)),
    };
    if let Some(item) = item {
        assign(item, value(text));
    }
}

/// Removes a setting in all its spellings, and says whether there was one.
pub(crate) fn unset(table: &mut dyn TableLike, setting: &KnownSetting) -> bool {
    let mentioned = mentions(table, setting);
    mentioned.iter().for_each(|mention| remove(table, &mention.path));
    !mentioned.is_empty()
}

/// A key that sets a setting.
struct Mention {
    path: Vec<String>,
    from_file: bool,
}

fn mentions(table: &dyn TableLike, setting: &KnownSetting) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut ahead: Vec<(Vec<String>, &dyn TableLike)> = vec![(Vec::new(), table)];
    while let Some((above, table)) = ahead.pop() {
        for (key, item) in table.iter() {
            let path: Vec<String> = above.iter().cloned().chain([key.to_owned()]).collect();
            match (item.as_table_like(), find_setting(&path.join("."))) {
                (Some(table), _) => ahead.push((path, table)),
                (None, Ok(name)) if name.setting.name() == setting.name() => {
                    found.push(Mention { path, from_file: name.from_file });
                }
                (None, _) => {}
            }
        }
    }
    found
}

fn find<'a>(table: &'a mut dyn TableLike, path: &[String]) -> Option<&'a mut Item> {
    let (last, above) = path.split_last()?;
    let mut table = table;
    for key in above {
        table = table.get_mut(key)?.as_table_like_mut()?;
    }
    table.get_mut(last)
}

/// Removes a key, and the tables around it that are empty then.
fn remove(table: &mut dyn TableLike, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.remove(first);
    } else if let Some(inner) = table.get_mut(first).and_then(Item::as_table_like_mut) {
        remove(inner, rest);
        if inner.is_empty() {
            table.remove(first);
        }
    }
}

/// Makes room for a setting that a table does not have.
fn new_item(table: &mut dyn TableLike, name: SettingName, spelling: Spelling) -> &mut Item {
    let key = match spelling {
        Spelling::Variable if name.from_file => format!("{}_FILE", name.setting.name()),
        Spelling::Variable => name.setting.name().to_owned(),
        Spelling::Key if name.from_file => format!("{}_file", name.setting.key()),
        Spelling::Key => name.setting.key().to_owned(),
    };
    match key.split_once('.') {
        Some((group, key)) if table.get(group).is_none_or(Item::is_table_like) => {
            let group = table.entry(group).or_insert_with(|| Item::Table(Table::new()));
            // A key of an item that is a table is made when it is assigned to.
            &mut group[key]
        }
        _ => table.entry(&key.replace('.', "_")).or_insert(Item::None),
    }
}

/// Writes a value where another one stands, with the comment behind it.
pub(crate) fn assign(item: &mut Item, mut value: Value) {
    if let Some(former) = item.as_value() {
        *value.decor_mut() = former.decor().clone();
    }
    *item = Item::Value(value);
}

/// Writes numbers and flags as such when they are read as the same text again.
fn value(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<bool>()) {
        (Ok(number), _) if number.to_string() == text => Value::from(number),
        (_, Ok(flag)) => Value::from(flag),
        _ => Value::from(text),
    }
}

#[cfg(test)]
#[path = "settings_table_tests.rs"]
mod tests;
