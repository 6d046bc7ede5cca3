//! The processes of the stack, and commands that speak to them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::bucket::{ACCESS_KEY, BUCKET, Bucket, SECRET_KEY};
use crate::database::Database;
use crate::{Outcome, programs, python};

/// The folder of this example, with its deployments and data.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Everything that runs, and where it is.
pub(crate) struct Stack {
    home: TempDir,
    /// The command by Prefect's name: a link to ours.
    prefect: PathBuf,
    /// The settings of all processes, in Prefect's words where it has any.
    variables: Vec<(&'static str, String)>,
    bucket: Bucket,
    database: Option<Database>,
    worker: Option<Child>,
    has_python: bool,
    has_server: bool,
}

/// Prints what the next steps are about.
pub(crate) fn headline(text: &str) {
    println!("\n== {text}");
}

impl Stack {
    /// Starts all that a worker needs.
    pub(crate) async fn start() -> Outcome<Self> {
        let programs = programs::find().await?;
        headline("PostgreSQL, a bucket, and the server");
        let database = Database::create().await?;
        println!("PostgreSQL: {}", database.url());
        let bucket = Bucket::serve().await?;
        println!("S3: the bucket {BUCKET} at {}", bucket.endpoint());
        let home = TempDir::new()?;
        let prefect = home.path().join("prefect");
        std::os::unix::fs::symlink(programs.join("flowcore"), &prefect)?;
        let mut variables = vec![
            ("FLOWCORE_HOME", home.path().display().to_string()),
            ("PREFECT_HOME", home.path().display().to_string()),
            ("PREFECT_API_DATABASE_CONNECTION_URL", database.url().to_owned()),
            ("PREFECT_SERVER_ANALYTICS_ENABLED", "false".to_owned()),
            ("DO_NOT_TRACK", "1".to_owned()),
            // Otherwise results as small as these are kept in the rows of their runs.
            ("FLOWCORE_INLINE_RESULT_LIMIT", "0".to_owned()),
            ("FLOWCORE_RESULT_STORAGE", format!("s3://{BUCKET}/results")),
            ("AWS_ENDPOINT_URL", bucket.endpoint().to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            // What the prefect.yaml files name.
            ("DHIS2_LIKE", FOLDER.to_owned()),
            ("DHIS2_FLOWS", programs.join("dhis2-flows").display().to_string()),
        ];
        let python = python::with_prefect().await;
        match &python {
            Some(python) => variables.push(("FLOWCORE_WORKER_PYTHON", python.clone())),
            None => println!("Python: {}", python::MISSING),
        }
        let mut stack = Stack {
            home,
            prefect,
            variables,
            bucket,
            database: Some(database),
            worker: None,
            has_python: python.is_some(),
            has_server: false,
        };
        if let Err(error) = stack.start_server().await {
            stack.stop().await?;
            return Err(error);
        }
        Ok(stack)
    }

    async fn start_server(&mut self) -> Outcome<()> {
        let said = self.prefect("server start --background --port 0").await?;
        self.has_server = true;
        let api = said.split_whitespace().find(|word| word.starts_with("http://"));
        let api = api.ok_or("the server does not say where it is")?.to_owned();
        self.variables.push(("PREFECT_API_URL", api));
        Ok(())
    }

    /// Starts the worker. What it says is in its log.
    pub(crate) fn start_worker(&mut self, line: &str) -> Outcome<()> {
        println!("\n$ prefect {line} &");
        let log = std::fs::File::create(self.home.path().join("worker.log"))?;
        let mut command = self.command(line)?;
        command.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        self.worker = Some(command.spawn()?);
        Ok(())
    }

    pub(crate) fn has_python(&self) -> bool {
        self.has_python
    }

    /// Says what the worker has said.
    pub(crate) fn worker_log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("worker.log")).unwrap_or_default()
    }

    /// Lists the objects in the bucket.
    pub(crate) fn objects(&self) -> Outcome<String> {
        self.bucket.objects()
    }

    /// Writes shell lines by which a terminal speaks to this stack.
    pub(crate) fn exports(&self) -> String {
        let wanted = |name: &str| ["FLOWCORE_HOME", "PREFECT_HOME", "PREFECT_API_URL"].contains(&name);
        let lines = self.variables.iter().filter(|(name, _)| wanted(name));
        lines.map(|(name, value)| format!("  export {name}={value}\n")).collect()
    }

    /// Carries out a command, prints it with what it says, and gives what it says.
    pub(crate) async fn prefect(&self, line: &str) -> Outcome<String> {
        println!("\n$ prefect {line}");
        self.carry_out(self.command(line)?).await
    }

    /// Carries out a command in a folder of this example.
    pub(crate) async fn prefect_in(&self, folder: &str, line: &str) -> Outcome<String> {
        println!("\n$ cd {folder} && prefect {line}");
        let mut command = self.command(line)?;
        command.current_dir(Path::new(FOLDER).join(folder));
        self.carry_out(command).await
    }

    /// Asks the API, without a word about it.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Outcome<Value> {
        let mut command = self.command(&format!("api post {path} --data"))?;
        let output = command.arg(body.to_string()).output().await?;
        if !output.status.success() {
            return Err(format!("{path}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    async fn carry_out(&self, mut command: Command) -> Outcome<String> {
        let output = command.output().await?;
        let (said, noted) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        print!("{noted}{said}");
        if output.status.success() {
            Ok(said.into_owned())
        } else {
            Err(format!("it failed: {}", output.status).into())
        }
    }

    /// Prepares a command, written as for a shell.
    fn command(&self, line: &str) -> Outcome<Command> {
        let words = shlex::split(line).ok_or_else(|| format!("a quote has no end: {line}"))?;
        let mut command = Command::new(&self.prefect);
        command.args(words).current_dir(FOLDER);
        // Settings of whoever walks here are not meant for this stack.
        for (name, _) in std::env::vars() {
            if name.starts_with("PREFECT_") || name.starts_with("FLOWCORE_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        Ok(command)
    }

    /// Ends the processes, the last that was started first, and leaves nothing behind.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        headline("The end");
        if let Some(mut worker) = self.worker.take() {
            let id = worker.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
            if let Some(id) = id {
                rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
            }
            println!("The worker: {}", worker.wait().await?);
        }
        if self.has_server {
            self.prefect("server stop").await?;
        }
        match self.database.take() {
            Some(database) => database.drop().await,
            None => Ok(()),
        }
    }
}
