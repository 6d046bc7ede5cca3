//! An S3 server on a loopback port, in the place of RustFS: its objects are files of a folder.

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Outcome;

pub(crate) const BUCKET: &str = "prefect";
pub(crate) const ACCESS_KEY: &str = "prefect";
pub(crate) const SECRET_KEY: &str = "prefect123";

/// Serves until it is dropped.
pub(crate) struct Bucket {
    folder: TempDir,
    endpoint: String,
    serving: JoinHandle<()>,
}

impl Bucket {
    pub(crate) async fn serve() -> Outcome<Self> {
        let folder = TempDir::new()?;
        std::fs::create_dir(folder.path().join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|error| format!("no S3 server: {error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(socket), service.clone()));
            }
        });
        Ok(Bucket { folder, endpoint, serving })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Lists the objects below `results`, a line each.
    pub(crate) fn objects(&self) -> Outcome<String> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(self.folder.path().join(BUCKET).join("results"))? {
            let entry = entry?;
            lines.push(format!("  s3://{BUCKET}/results/{}", entry.file_name().display()));
        }
        lines.sort();
        Ok(lines.join("\n"))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
