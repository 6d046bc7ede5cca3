//! The few fragments of SQL in which the databases differ.

/// Which database a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite 3.41 or newer.
    #[cfg(feature = "sqlite")]
    Sqlite,
    /// PostgreSQL 13 or newer.
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// Begins a transaction that will write. SQLite takes its lock at once: one that is taken later can fail halfway.
    pub(super) fn begin(self) -> &'static str {
        self.choose("BEGIN IMMEDIATE", "BEGIN")
    }

    /// Keeps the selected rows unchanged until the transaction ends. SQLite's transaction keeps all rows so.
    pub(super) fn for_update(self) -> &'static str {
        self.choose("", " FOR UPDATE")
    }

    /// Tells whether a text contains another one; ASCII letters match in either case, as the columns' collation is C.
    pub(super) fn contains(self, column: &str, parameter: usize) -> String {
        let function = self.choose("instr", "strpos");
        format!("{function}(lower({column}), lower(${parameter})) > 0")
    }

    /// Selects the elements of a parameter that is a JSON array of texts: any number, one parameter.
    pub(super) fn texts(self, parameter: usize) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => format!("SELECT value FROM json_each(${parameter})"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("SELECT json_array_elements_text(${parameter}::json)"),
        }
    }

    /// Selects the elements of a column that is a JSON array of texts, as `value`.
    pub(super) fn elements(self, column: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => format!("SELECT value FROM json_each({column})"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("SELECT json_array_elements_text({column}::json) AS value"),
        }
    }

    /// Selects the elements of a parameter that is a JSON array of identifiers without dashes.
    pub(super) fn uuids(self, parameter: usize) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => format!("SELECT unhex(value) FROM json_each(${parameter})"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("SELECT json_array_elements_text(${parameter}::json)::uuid"),
        }
    }

    /// Tells whether a column has one of the values of a parameter that is a list, or none of them. PostgreSQL gets an array,
    /// of which it knows when it plans how common each value is.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "only SQLite's lists are of texts"))]
    pub(super) fn among(self, column: &str, none: bool, parameter: usize, identifiers: bool) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                let value = if identifiers { "unhex(value)" } else { "value" };
                let operator = if none { "NOT IN" } else { "IN" };
                format!("{column} {operator} (SELECT {value} FROM json_each(${parameter}))")
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres if none => format!("{column} <> ALL(${parameter})"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("{column} = ANY(${parameter})"),
        }
    }

    /// Reads the time of the last state of a history, in microseconds since 1970; SQLite knows it to the millisecond.
    pub(super) fn last_time(self, history: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => format!(
                "CAST(unixepoch(json_extract('[' || {history} || ']', '$[#-1].timestamp'), 'subsec') * 1000000 AS BIGINT)"
            ),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!(
                "CAST(EXTRACT(EPOCH FROM CAST(('[' || {history} || ']')::json -> -1 ->> 'timestamp' AS TIMESTAMPTZ)) * 1000000 \
                 AS BIGINT)"
            ),
        }
    }

    /// Puts the database's types into a migration.
    pub(super) fn schema(self, migration: &str) -> String {
        migration
            .replace("{uuid}", self.choose("BLOB", "UUID"))
            .replace("{bytes}", self.choose("BLOB", "BYTEA"))
            .replace("{text}", self.choose("TEXT", "TEXT COLLATE \"C\""))
            .replace("{clustered}", self.choose("WITHOUT ROWID", ""))
            .replace("{newest_first}", self.choose(" DESC", " DESC NULLS LAST"))
            .replace("{overview}", self.choose(", name, state_type, state_name", ""))
    }

    /// Names the index by which SQLite is to answer. It keeps no statistics, and prefers to read whole rows in their order,
    /// which are as long as their histories; PostgreSQL knows its tables.
    pub(super) fn indexed_by(self, index: &str) -> String {
        self.choose(format!(" INDEXED BY {index}"), String::new())
    }

    /// Writes a parameter of a long statement. SQLite looks a numbered one up in a list, from its beginning each time.
    pub(super) fn placeholder(self, number: usize, text: &mut String) {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => text.push('?'),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                text.push('$');
                text.push_str(&number.to_string());
            }
        }
        #[cfg(not(feature = "postgres"))]
        let _ = number;
    }

    /// Tells which of a template's texts is this database's.
    pub(super) fn index(self) -> usize {
        self.choose(0, 1)
    }

    fn choose<T>(self, sqlite: T, postgres: T) -> T {
        match self {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                drop(postgres);
                sqlite
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                drop(sqlite);
                postgres
            }
        }
    }
}
