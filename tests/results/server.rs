//! An S3 server on a loopback port, with its objects in a folder of its own.

use flowcore::settings::S3Settings;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) const ACCESS_KEY_ID: &str = "tester";
pub(crate) const SECRET_ACCESS_KEY: &str = "a secret of this test alone";

/// Serves until it is dropped. It has one bucket, `results`.
pub(crate) struct S3Server {
    pub(crate) folder: TempDir,
    endpoint: String,
    serving: JoinHandle<()>,
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("results")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // No other name for the host than its number: requests can only name the bucket in their path.
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            // Connections end with the set when the server is dropped.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let http = hyper::server::conn::http1::Builder::new();
                connections.spawn(http.serve_connection(TokioIo::new(socket), service.clone()));
            }
        });
        Self { folder, endpoint, serving }
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            endpoint: Some(self.endpoint.clone()),
            access_key_id: Some(ACCESS_KEY_ID.to_owned()),
            secret_access_key: Some(SECRET_ACCESS_KEY.to_owned()),
            ..S3Settings::default()
        }
    }

    /// What an environment would hold that leads to this server.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match name {
            "FLOWCORE_S3_ENDPOINT" => Some(self.endpoint.clone()),
            "AWS_ACCESS_KEY_ID" => Some(ACCESS_KEY_ID.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(SECRET_ACCESS_KEY.to_owned()),
            "AWS_REGION" => Some("eu-central-1".to_owned()),
            "FLOWCORE_HOME" => Some(self.folder.path().to_str()?.to_owned()),
            _ => None,
        }
    }

    /// Stops serving, and closes all connections.
    pub(crate) async fn stop(mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.unwrap_err().is_cancelled());
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
