//! Finding the one thing that a user means by an id, the beginning of one, or a name.

use flowcore::client::{Client, ClientError};
use flowcore::model::{
    Artifact, ArtifactFilter, FlowRun, FlowRunFilter, FlowRunId, IdRange, Order, Page, TaskRun, TaskRunFilter,
    TaskRunId,
};
use uuid::Uuid;

use crate::failure::Failure;
use crate::text::one_line;

/// The shortest beginning of an id that is looked for: shorter ones would be words and numbers by accident.
const SHORTEST_PREFIX: usize = 4;

/// How many candidates to name when a text fits several.
const CANDIDATES: usize = 5;

/// How many rows to ask for: one more tells that there are more.
const PAGE: Page = Page { limit: CANDIDATES as u32 + 1, offset: 0 };

/// Something that can be meant.
trait Findable {
    /// What it is called in sentences.
    const THING: &'static str;
    /// The command that lists all of its kind.
    const LIST: &'static str;

    fn uuid(&self) -> Uuid;
    /// What tells it from others, for a list of candidates.
    fn about(&self) -> String;
}

impl Findable for FlowRun {
    const THING: &'static str = "flow run";
    const LIST: &'static str = "flowcore flow-run ls";

    fn uuid(&self) -> Uuid {
        self.id.0
    }

    fn about(&self) -> String {
        format!("{} of {}, {}", self.name, self.flow_name, self.state.name)
    }
}

impl Findable for TaskRun {
    const THING: &'static str = "task run";
    const LIST: &'static str = "flowcore task-run ls";

    fn uuid(&self) -> Uuid {
        self.id.0
    }

    fn about(&self) -> String {
        let flow_run = self.flow_run_id.map(|id| format!(" in flow run {id}")).unwrap_or_default();
        format!("{}{flow_run}, {}", self.name, self.state.name)
    }
}

impl Findable for Artifact {
    const THING: &'static str = "artifact";
    const LIST: &'static str = "flowcore artifact ls --all";

    fn uuid(&self) -> Uuid {
        self.id.0
    }

    fn about(&self) -> String {
        format!("{}, {}", self.key.as_deref().unwrap_or("no key"), self.kind.as_str())
    }
}

/// Finds the flow run that a text means: its id, the beginning of its id, or its name.
pub(crate) async fn flow_run(client: &dyn Client, text: &str) -> Result<FlowRun, Failure> {
    if let Ok(id) = text.parse::<FlowRunId>() {
        return client.flow_run(id).await?.ok_or_else(|| missing::<FlowRun>(text));
    }
    let fetch = async |means| {
        let (id_range, names) = conditions(means);
        let filter = FlowRunFilter { id_range, names, page: PAGE, ..FlowRunFilter::default() };
        client.flow_runs(&filter).await
    };
    only_one(text, fetch).await
}

/// Finds the task run that a text means: its id, the beginning of its id, or its name.
pub(crate) async fn task_run(client: &dyn Client, text: &str) -> Result<TaskRun, Failure> {
    if let Ok(id) = text.parse::<TaskRunId>() {
        let filter = TaskRunFilter { ids: Some(vec![id]), ..TaskRunFilter::default() };
        return client.task_runs(&filter).await?.pop().ok_or_else(|| missing::<TaskRun>(text));
    }
    let fetch = async |means| {
        let (id_range, names) = conditions(means);
        let order = Order::NewestFirst;
        let filter = TaskRunFilter { id_range, names, order, page: PAGE, ..TaskRunFilter::default() };
        client.task_runs(&filter).await
    };
    only_one(text, fetch).await
}

/// Finds the artifact that a text means: its id, or the beginning of it. Keys are not looked at.
pub(crate) async fn artifact_by_id(client: &dyn Client, text: &str) -> Result<Artifact, Failure> {
    let fetch = async |means| match conditions(means) {
        (None, _) => Ok(Vec::new()),
        (id_range, _) => client.artifacts(&ArtifactFilter { id_range, page: PAGE, ..ArtifactFilter::default() }).await,
    };
    only_one(text, fetch).await
}

/// Says that there is no artifact of a key.
pub(crate) fn no_artifact(key: &str) -> Failure {
    missing::<Artifact>(key)
}

/// What a text may stand for.
enum Means {
    Ids(IdRange),
    Name(String),
}

/// The conditions of a filter.
fn conditions(means: Means) -> (Option<IdRange>, Option<Vec<String>>) {
    match means {
        Means::Ids(range) => (Some(range), None),
        Means::Name(name) => (None, Some(vec![name])),
    }
}

/// Asks for what a text may mean and insists that there is exactly one.
async fn only_one<T: Findable>(
    text: &str,
    fetch: impl AsyncFn(Means) -> Result<Vec<T>, ClientError>,
) -> Result<T, Failure> {
    let mut found: Vec<T> = match prefix(text) {
        Some(range) => fetch(Means::Ids(range)).await?,
        None => Vec::new(),
    };
    // Also what begins as an id may be a name.
    for row in fetch(Means::Name(text.to_owned())).await? {
        if found.iter().all(|known| known.uuid() != row.uuid()) {
            found.push(row);
        }
    }
    if found.len() > 1 {
        return Err(ambiguous(text, &found));
    }
    found.pop().ok_or_else(|| missing::<T>(text))
}

/// Reads the beginning of an id.
fn prefix(text: &str) -> Option<IdRange> {
    let digits = text.chars().filter(|letter| *letter != '-').count();
    IdRange::of_prefix(text).filter(|_| digits >= SHORTEST_PREFIX)
}

fn missing<T: Findable>(text: &str) -> Failure {
    Failure::new(format!("there is no {} `{}`: list them with `{}`", T::THING, one_line(text), T::LIST))
}

fn ambiguous<T: Findable>(text: &str, found: &[T]) -> Failure {
    let listed: Vec<String> =
        found.iter().take(CANDIDATES).map(|one| format!("\n  {}  {}", one.uuid(), one_line(&one.about()))).collect();
    let more = if found.len() > CANDIDATES { "\n  and more" } else { "" };
    let text = one_line(text);
    Failure::new(format!("`{text}` fits several {}s, give more of the id:{}{more}", T::THING, listed.concat()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    struct Row(Uuid, &'static str);

    impl Findable for Row {
        const THING: &'static str = "row";
        const LIST: &'static str = "rows ls";

        fn uuid(&self) -> Uuid {
            self.0
        }

        fn about(&self) -> String {
            self.1.to_owned()
        }
    }

    const ROWS: [(u128, &str); 5] = [
        (0x0193_aaaa_0000_7000_8000_0000_0000_0001, "brave-otter"),
        (0x0193_aaaa_0000_7000_8000_0000_0000_0002, "calm-heron"),
        (0x0193_bbbb_0000_7000_8000_0000_0000_0003, "calm-heron"),
        (0x0193_cccc_0000_7000_8000_0000_0000_0004, "calm-heron-2"),
        (0x0200_0000_0000_7000_8000_0000_0000_0005, "0193bbbb"),
    ];

    async fn find(text: &str) -> Result<u128, String> {
        let fetch = async |means| {
            let (range, names) = conditions(means);
            let means = |(id, name): &&(u128, &str)| {
                range.is_none_or(|range| range.contains(Uuid::from_u128(*id)))
                    && names.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name))
            };
            Ok(ROWS.iter().filter(means).map(|(id, name)| Row(Uuid::from_u128(*id), name)).collect())
        };
        let found = only_one::<Row>(text, fetch).await;
        found.map(|row| row.0.as_u128() & 0xff).map_err(|failure| failure.message().unwrap().to_owned())
    }

    #[tokio::test]
    async fn ids_may_be_shortened_and_names_stand_for_them() {
        for (text, expected) in [
            ("0193aaaa-0000-7000-8000-000000000002", 2),
            ("0193CCCC", 4),
            ("0193-cc", 4),
            ("0200", 5),
            ("brave-otter", 1),
            ("calm-heron-2", 4),
        ] {
            assert_eq!(find(text).await, Ok(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_to_be_missing() {
        for text in ["020", "0194", "calm", "otter", ""] {
            assert_eq!(find(text).await.unwrap_err(), format!("there is no row `{text}`: list them with `rows ls`"));
        }
    }

    #[tokio::test]
    async fn candidates_are_listed() {
        assert_eq!(
            find("calm-heron").await.unwrap_err(),
            "`calm-heron` fits several rows, give more of the id:\n  \
             0193aaaa-0000-7000-8000-000000000002  calm-heron\n  \
             0193bbbb-0000-7000-8000-000000000003  calm-heron"
        );
        // A name that looks like an id competes with the ids that begin so.
        assert!(find("0193bbbb").await.unwrap_err().contains("fits several"));
        assert_eq!(find("0193").await.unwrap_err().lines().count(), 5);
    }
}
