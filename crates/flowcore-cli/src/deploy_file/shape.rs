//! What may stand where in a file.

/// What a value may be. A text with a placeholder may stand for any: what it becomes is seen later.
#[derive(Debug)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A text, or a number that is meant as one, such as a version.
    Label,
    /// True or false.
    Flag,
    /// A whole number of at least this.
    Whole(u64),
    /// Seconds, or a text such as `01:30:00` or `PT5M`.
    Interval,
    /// A mapping of whatever keys.
    Object,
    /// A list of mappings of whatever keys.
    Objects,
    /// Texts: a list, or one.
    Labels,
    /// One step, or a list of them.
    Steps,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Whatever.
    Anything,
    /// A list of these.
    List(&'static Shape),
    /// A mapping with these keys.
    Fields(&'static Fields),
    /// The second, or a short form: the first.
    Or(&'static Shape, &'static Shape),
}

/// The keys of a mapping.
#[derive(Debug)]
pub(super) struct Fields {
    /// What the mapping is, for messages.
    pub(super) what: &'static str,
    pub(super) known: &'static [(&'static str, Shape)],
}

/// A whole file.
pub(super) const FILE: Fields = Fields {
    what: "the file",
    known: &[
        ("name", Shape::Label),
        ("prefect-version", Shape::Label),
        ("flowcore-version", Shape::Label),
        ("build", Shape::Steps),
        ("push", Shape::Steps),
        ("pull", Shape::Steps),
        ("definitions", Shape::Anything),
        ("deployments", Shape::List(&Shape::Fields(&DEPLOYMENT))),
    ],
};

const DEPLOYMENT: Fields = Fields {
    what: "a deployment",
    known: &[
        ("name", Shape::Label),
        ("version", Shape::Label),
        ("version_type", Shape::Text),
        ("tags", Shape::Labels),
        ("description", Shape::Text),
        ("entrypoint", Shape::Text),
        ("flow_name", Shape::Text),
        ("parameters", Shape::Object),
        ("enforce_parameter_schema", Shape::Flag),
        ("schedule", Shape::Fields(&SCHEDULE)),
        ("schedules", Shape::List(&Shape::Fields(&SCHEDULE))),
        ("paused", Shape::Flag),
        ("concurrency_limit", Shape::Or(&Shape::Whole(1), &Shape::Fields(&CONCURRENCY_LIMIT))),
        ("work_pool", Shape::Fields(&WORK_POOL)),
        ("labels", Shape::Object),
        ("triggers", Shape::Objects),
        ("sla", Shape::Anything),
        ("build", Shape::Steps),
        ("push", Shape::Steps),
        ("pull", Shape::Steps),
    ],
};

/// The file of one deployment, as Prefect 2 wrote it.
pub(super) const MANIFEST: Fields = Fields {
    what: "the file",
    known: &[
        ("name", Shape::Label),
        ("flow_name", Shape::Text),
        ("entrypoint", Shape::Text),
        ("path", Shape::Text),
        ("description", Shape::Text),
        ("version", Shape::Label),
        ("tags", Shape::Labels),
        ("parameters", Shape::Object),
        ("parameter_openapi_schema", Shape::Object),
        ("enforce_parameter_schema", Shape::Flag),
        ("schedule", Shape::Fields(&SCHEDULE)),
        ("schedules", Shape::List(&Shape::Fields(&SCHEDULE))),
        ("is_schedule_active", Shape::Flag),
        ("paused", Shape::Flag),
        ("work_pool_name", Shape::Label),
        ("work_queue_name", Shape::Label),
        ("infra_overrides", Shape::Object),
        ("job_variables", Shape::Object),
        ("infrastructure", Shape::Object),
        ("storage", Shape::Object),
        ("triggers", Shape::Objects),
        ("manifest_path", Shape::Text),
        ("timestamp", Shape::Anything),
    ],
};

const WORK_POOL: Fields = Fields {
    what: "a work pool",
    known: &[("name", Shape::Label), ("work_queue_name", Shape::Label), ("job_variables", Shape::Object)],
};

const CONCURRENCY_LIMIT: Fields = Fields {
    what: "a concurrency limit",
    known: &[
        ("limit", Shape::Whole(1)),
        ("collision_strategy", Shape::Word(&["ENQUEUE", "CANCEL_NEW"])),
        ("grace_period_seconds", Shape::Whole(0)),
    ],
};

const SCHEDULE: Fields = Fields {
    what: "a schedule",
    known: &[
        ("cron", Shape::Text),
        ("interval", Shape::Interval),
        ("rrule", Shape::Text),
        ("timezone", Shape::Text),
        ("anchor_date", Shape::Text),
        ("day_or", Shape::Flag),
        ("active", Shape::Flag),
        ("parameters", Shape::Object),
        ("slug", Shape::Label),
        ("replaces", Shape::Label),
        ("max_scheduled_runs", Shape::Whole(1)),
        ("catch_up", Shape::Word(&["all", "latest", "none"])),
        ("schedule", Shape::Fields(&RULE)),
    ],
};

/// The long form of a schedule, as the API has it.
const RULE: Fields = Fields {
    what: "a schedule",
    known: &[
        ("cron", Shape::Text),
        ("interval", Shape::Interval),
        ("rrule", Shape::Text),
        ("timezone", Shape::Text),
        ("anchor_date", Shape::Text),
        ("day_or", Shape::Flag),
    ],
};
