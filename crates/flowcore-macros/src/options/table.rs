//! The options that there are.

use crate::kind::Kind;

/// An option: its name, where it can be used, and what its value is.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) on: On,
    pub(super) value: Value,
    /// What the value is, in a sentence that begins with the name.
    pub(super) means: &'static str,
    /// How it is written.
    pub(super) example: &'static str,
    /// For templates: the names that may be used beside those of the parameters.
    pub(super) template: Option<Reserved>,
    /// The name of what the other macro has instead.
    pub(super) elsewhere: Option<&'static str>,
    /// The words that the value may use without importing them.
    pub(super) words: &'static [&'static str],
}

/// Which macro has an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Both,
    Task,
    Flow,
}

impl On {
    pub(super) fn includes(self, kind: Kind) -> bool {
        matches!((self, kind), (On::Both, _) | (On::Task, Kind::Task) | (On::Flow, Kind::Flow))
    }
}

/// What a value is, as far as it can be seen in a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, which may be empty.
    Text,
    /// A text that says something.
    Name,
    /// A list of texts.
    Names,
    /// A list of keys of assets, which are templates, or of assets.
    Assets,
    /// A number of retries.
    Count,
    /// A number, at least one.
    Limit,
    /// A number of seconds or a duration.
    Time,
    /// One or several of these.
    Times,
    /// A number that is not negative.
    Fraction,
    /// `true` or `false`.
    Flag,
    /// One or several functions of an event.
    Hooks,
    /// One or several functions of an event of a transaction.
    TransactionHooks,
    /// Something that no literal is.
    Expression,
}

/// Names in templates beside those of the parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// In the name of a run: its flow's and its task's names.
    OfRun,
    /// In the key of a result: those, and the names that the run has by then.
    OfResult,
}

const BASE: Known = Known {
    name: "",
    on: On::Both,
    value: Value::Expression,
    means: "",
    example: "",
    template: None,
    elsewhere: None,
    words: &[],
};

const HOOK: Known = Known { value: Value::Hooks, means: "a function of an event, or a list of such functions", ..BASE };

const ASSETS: Known = Known {
    on: On::Task,
    value: Value::Assets,
    means: "a list of URIs, or of `Asset`s",
    template: Some(Reserved::OfResult),
    ..BASE
};

const TRANSACTION_HOOK: Known = Known { on: On::Task, value: Value::TransactionHooks, ..HOOK };

static TABLE: [Known; 31] = [
    Known { name: "name", value: Value::Name, means: "a text", example: "name = \"fetch page\"", ..BASE },
    Known {
        name: "description",
        value: Value::Text,
        means: "a text",
        example: "description = \"Fetches a page.\"",
        ..BASE
    },
    Known { name: "version", value: Value::Name, means: "a text", example: "version = \"1.2\"", ..BASE },
    Known { name: "tags", value: Value::Names, means: "a list of texts", example: "tags = [\"net\"]", ..BASE },
    Known { name: "retries", value: Value::Count, means: "a number of retries", example: "retries = 3", ..BASE },
    Known {
        name: "retry_delay",
        value: Value::Times,
        means: "a number of seconds, a list of such numbers, or a `Duration`",
        example: "retry_delay = [1, 10]",
        words: &["RetryDelay", "exponential"],
        ..BASE
    },
    Known {
        name: "retry_jitter",
        value: Value::Fraction,
        means: "a fraction, zero or more",
        example: "retry_jitter = 0.5",
        ..BASE
    },
    Known {
        name: "retry_if",
        means: "a function of the error",
        example: "retry_if = |error| error.is_retriable()",
        ..BASE
    },
    Known {
        name: "timeout",
        value: Value::Time,
        means: "a number of seconds, or a `Duration`",
        example: "timeout = 30.0",
        ..BASE
    },
    Known {
        name: "cache",
        on: On::Task,
        means: "a cache policy",
        example: "cache = INPUTS + TASK_SOURCE",
        words: &["INPUTS", "TASK_SOURCE", "RUN_ID", "FLOW_PARAMETERS", "DEFAULT", "NO_CACHE", "CachePolicy"],
        ..BASE
    },
    Known {
        name: "cache_expiration",
        on: On::Task,
        value: Value::Time,
        means: "a number of seconds, or a `Duration`",
        example: "cache_expiration = 3600",
        ..BASE
    },
    Known {
        name: "refresh_cache",
        on: On::Task,
        value: Value::Flag,
        means: "`true` or `false`",
        example: "refresh_cache = true",
        ..BASE
    },
    Known {
        name: "persist_result",
        value: Value::Flag,
        means: "`true` or `false`",
        example: "persist_result = true",
        ..BASE
    },
    Known { name: "result_storage", means: "a `Storage`", example: "result_storage = my_storage()", ..BASE },
    Known {
        name: "result_storage_key",
        value: Value::Name,
        means: "a text",
        example: "result_storage_key = \"{flow_run_id}/report\"",
        template: Some(Reserved::OfResult),
        ..BASE
    },
    Known { name: "serializer", means: "a `Serializer`", example: "serializer = Serializer::JSON_GZIP", ..BASE },
    Known {
        name: "durability",
        on: On::Task,
        means: "a `Durability`",
        example: "durability = Committed",
        words: &["Durability", "Batched", "Committed"],
        ..BASE
    },
    Known {
        name: "task_runner",
        means: "a `TaskRunner`",
        example: "task_runner = thread_pool(\"cpu\", 4)",
        words: &["TaskRunner", "current_runtime", "blocking_pool", "thread_pool"],
        ..BASE
    },
    Known {
        name: "task_run_name",
        on: On::Task,
        value: Value::Name,
        means: "a text",
        example: "task_run_name = \"fetch {url}\"",
        template: Some(Reserved::OfRun),
        elsewhere: Some("flow_run_name"),
        ..BASE
    },
    Known {
        name: "flow_run_name",
        on: On::Flow,
        value: Value::Name,
        means: "a text",
        example: "flow_run_name = \"report for {day}\"",
        template: Some(Reserved::OfRun),
        elsewhere: Some("task_run_name"),
        ..BASE
    },
    Known {
        name: "task_limit",
        on: On::Flow,
        value: Value::Limit,
        means: "a number of tasks",
        example: "task_limit = 16",
        ..BASE
    },
    Known { name: "on_running", example: "on_running = notify", ..HOOK },
    Known { name: "on_completion", example: "on_completion = notify", ..HOOK },
    Known { name: "on_failure", example: "on_failure = [notify, clean_up]", ..HOOK },
    Known { name: "on_commit", example: "on_commit = announce", ..TRANSACTION_HOOK },
    Known { name: "on_rollback", example: "on_rollback = clean_up", ..TRANSACTION_HOOK },
    Known { name: "assets", example: "assets = [\"s3://lake/{day}.parquet\"]", ..ASSETS },
    Known { name: "asset_deps", example: "asset_deps = [\"postgres://shop/orders\"]", ..ASSETS },
    Known {
        name: "materialized_by",
        on: On::Task,
        value: Value::Name,
        means: "a text",
        example: "materialized_by = \"dbt\"",
        ..BASE
    },
    Known { name: "on_cancellation", on: On::Flow, example: "on_cancellation = clean_up", ..HOOK },
    Known { name: "on_crashed", on: On::Flow, example: "on_crashed = notify", elsewhere: Some("on_failure"), ..HOOK },
];

/// Finds an option of either macro.
pub(super) fn lookup(name: &str) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.name == name)
}

/// Lists the options of one macro.
pub(super) fn names(kind: Kind) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(move |known| known.on.includes(kind)).map(|known| known.name)
}
