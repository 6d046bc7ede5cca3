//! `flowcore worker start --type docker`: on an engine that is only played, always; on a real one where `FLOWCORE_TEST_DOCKER_HOST`
//! names it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use flowcore_tests::built::programs;
use tempfile::TempDir;

use crate::fake_engine::FakeEngine;
use crate::site::{DEADLINE, Site, Worker};

/// An engine, and an image there that has the program.
struct Engine {
    host: String,
    image: String,
    /// Where the program is in it.
    program: String,
}

impl Engine {
    fn worker(&self, site: &Site, name: &str) -> Worker {
        site.worker_with(&[("DOCKER_HOST", &self.host)], &format!("--type docker --grace 5 --name {name}"))
    }
}

/// Has runs executed that end well, badly, by a cancellation, and with their worker gone.
async fn runs_end_in_their_containers(engine: &Engine, containers: impl Fn() -> usize) -> Site {
    let site = Site::start().await;
    let made = site.flowcore("work-pool create default --type docker");
    assert_eq!(made.code, Some(0), "{made}");
    let worker = engine.worker(&site, "first");
    let Engine { image, program, .. } = engine;
    let job = format!("--job-variable image={image} --job-variable command={program} --job-variable network_mode=host");
    let job = format!(
        "{job} --job-variable auto_remove=true --job-variable mem_limit=256m --job-variable env={{\"A\":\"1\"}}"
    );
    assert_eq!(site.deploy("boxed", &job).code, Some(0));
    let watched = site.flowcore("deployment run report/boxed --param days=4 --watch");
    assert!(watched.code == Some(0) && watched.out.contains("north has sold 50 in 4 days"), "{watched}");
    assert!(watched.out.contains("north: 50"), "what it prints is in the log as well: {watched}");

    let broken = site.run("report/boxed --job-variable command=/not/there");
    let crashed = site.in_state(&broken, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("cannot be started"), "{crashed}");
    let failing = site.run("report/boxed --job-variable env={\"FLOWCORE_EXECUTE_FLOW_RUN\":\"nonsense\"}");
    let crashed = site.in_state(&failing, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("container"), "{crashed}");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("exit code 1"), "{crashed}");
    let missing = site.run("report/boxed --job-variable image=localhost:1/nowhere:1");
    let crashed = site.in_state(&missing, "Crashed");
    assert!(crashed["state"]["message"].as_str().unwrap().contains("cannot be pulled"), "{crashed}");

    let cancelled = site.run("report/boxed --param pause=100");
    let running = site.in_state(&cancelled, "Running");
    assert!(running["infrastructure_pid"].as_str().unwrap().starts_with(&engine.host), "{running}");
    assert_eq!(site.flowcore(&format!("flow-run cancel {cancelled}")).code, Some(0));
    site.in_state(&cancelled, "Cancelled");

    // A container outlives its worker; the next one of the name watches it, and one of another name would once the server
    // misses the first.
    let left = site.run("report/boxed --param pause=100");
    site.in_state(&left, "Running");
    worker.signal("-KILL");
    drop(worker);
    let mut worker = engine.worker(&site, "first");
    assert_eq!(site.flowcore(&format!("flow-run cancel {left}")).code, Some(0));
    site.in_state(&left, "Cancelled");
    let begin = Instant::now();
    while containers() > 0 {
        assert!(begin.elapsed() < DEADLINE, "a container is left");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    worker.signal("-TERM");
    assert!(worker.ended());
    site
}

#[tokio::test]
async fn a_docker_worker_asks_an_engine_for_what_its_jobs_say() {
    let fake = FakeEngine::start();
    let program = programs().join("deployments").display().to_string();
    let engine = Engine { host: fake.host(), image: "here:1".to_owned(), program };
    let containers = || fake.bodies().iter().filter(|body| !body.is_null()).count();
    let site = runs_end_in_their_containers(&engine, containers).await;
    let _worker = engine.worker(&site, "second");
    // A program with flows hears of its cancellation itself, and may be faster than the engine. This one does not.
    let asked = |what: &str| fake.asked().iter().filter(|asked| asked.ends_with(what)).count();
    let until = |what: &str, times: usize| {
        let begin = Instant::now();
        while asked(what) < times {
            assert!(begin.elapsed() < DEADLINE, "{what}: {:?}", fake.asked());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let (begun, stopped) = (asked("/start"), asked("/stop?t=5"));
    let deaf = site.run(r#"report/boxed --job-variable command="sleep\u0020100""#);
    until("/start", begun + 1);
    assert_eq!(site.flowcore(&format!("flow-run cancel {deaf}")).code, Some(0));
    until("/stop?t=5", stopped + 1);
    site.in_state(&deaf, "Cancelled");
    let kept = site.run("report/boxed --job-variable auto_remove=false");
    site.in_state(&kept, "Completed");
    let bodies: Vec<_> = fake.bodies().into_iter().filter(|body| !body.is_null()).collect();
    let [body] = &bodies[..] else { panic!("one is kept: {bodies:?}") };
    assert_eq!((&body["Image"], &body["HostConfig"]["NetworkMode"]), (&"here:1".into(), &"host".into()), "{body}");
    assert_eq!(body["HostConfig"]["Memory"], 256 << 20);
    assert_eq!(
        (&body["Labels"]["prefect.io/flow-run-id"], &body["Labels"]["prefect.io/worker-name"]),
        (&kept.into(), &"second".into())
    );
    let variables: Vec<&str> = body["Env"].as_array().unwrap().iter().filter_map(|pair| pair.as_str()).collect();
    assert!(
        variables.contains(&"A=1") && !variables.iter().any(|pair| pair.starts_with("FLOWCORE_HOME")),
        "{variables:?}"
    );
}

#[tokio::test]
async fn a_docker_worker_works_on_a_real_engine() {
    let Ok(host) = std::env::var("FLOWCORE_TEST_DOCKER_HOST") else {
        eprintln!("NOT RUN: a_docker_worker_works_on_a_real_engine, since FLOWCORE_TEST_DOCKER_HOST is not set");
        return;
    };
    let image = format!("flowcore-test:{}", std::process::id());
    import(&host, &image);
    let listed = || {
        let label = "label=flowcore.io/work-pool-id";
        let found =
            docker(&host, &["ps", "--all", "--quiet", "--filter", label, "--filter", &format!("ancestor={image}")]);
        found.lines().count()
    };
    let engine = Engine { host: host.clone(), image: image.clone(), program: "/app/deployments".to_owned() };
    runs_end_in_their_containers(&engine, listed).await;
    docker(&host, &["image", "rm", "--force", &image]);
}

fn docker(host: &str, arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).env("DOCKER_HOST", host).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes an image of the program and the libraries that it wants, from nothing.
fn import(host: &str, image: &str) {
    let root = TempDir::new().unwrap();
    let program = programs().join("deployments");
    let put = |from: &Path, to: &str| {
        let to = root.path().join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    put(&program, "/app/deployments");
    std::fs::create_dir(root.path().join("tmp")).unwrap();
    let wanted = Command::new("ldd").arg(&program).output().unwrap();
    let wanted = String::from_utf8(wanted.stdout).unwrap();
    for library in wanted.split_whitespace().filter(|word| word.starts_with('/')) {
        put(Path::new(library), library);
    }
    let archive = root.path().with_extension("tar");
    let packed = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(root.path()).arg(".").status().unwrap();
    assert!(packed.success());
    docker(host, &["import", archive.to_str().unwrap(), image]);
    std::fs::remove_file(archive).unwrap();
}
