//! workerd's configuration and files, made anew for each start.

use std::io;
use std::path::{Path, PathBuf};

/// As in `edge-worker/wrangler.toml`: one worker, one behaviour.
const COMPATIBILITY_DATE: &str = "2026-10-01";

/// The worker's binding for the key of Access, and the variable of workerd that it is read from: what
/// is in the environment is in no file.
pub const ACCESS_KEY: &str = "LINTEL_ACCESS_KEY";

/// What one run of workerd needs to know.
pub struct Run {
    /// The built worker, `index.js` its entry.
    pub worker_dir: PathBuf,
    /// Holds everything that is written here.
    pub folder: PathBuf,
    /// Where workerd shall listen.
    pub socket: PathBuf,
    /// The KV endpoint's socket.
    pub kv: PathBuf,
    /// The egress proxy's socket.
    pub egress: PathBuf,
    /// The socket of the way to the control plane.
    pub control: PathBuf,
    /// The worker's `LINTEL_POP`.
    pub pop: String,
    /// Where redirects to HTTPS lead.
    pub https_port: u16,
}

/// A worker that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no worker.
    #[error("{0} is missing. Build the worker (`make worker`), or set LINTEL_WORKER_DIR")]
    NoWorker(PathBuf),
    /// Reading or writing failed.
    #[error("cannot prepare workerd's files: {0}")]
    Io(#[from] io::Error),
}

impl Run {
    /// Copies the worker beside its configuration, so that a build under way does not change what
    /// runs, and writes the configuration. Returns its path.
    pub fn prepare(&self) -> Result<PathBuf, ConfigError> {
        let entry = self.worker_dir.join("index.js");
        if !entry.is_file() {
            return Err(ConfigError::NoWorker(entry));
        }
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        std::fs::create_dir_all(self.folder.join("worker"))?;
        let mut modules = Vec::new();
        copy(&self.worker_dir, &self.folder.join("worker"), "", &mut modules)?;
        modules.sort_by_key(|module| (module.name != "index.js", module.name.clone()));
        let path = self.folder.join("workerd.capnp");
        std::fs::write(&path, self.text(&modules))?;
        Ok(path)
    }

    fn text(&self, modules: &[Module]) -> String {
        let modules: Vec<_> = modules.iter().map(Module::text).collect();
        let unix = |path: &Path| quoted(&format!("unix:{}", path.display()));
        format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\n\
             const config :Workerd.Config = (\n  \
               services = [\n    \
                 (name = \"worker\", worker = .worker),\n    \
                 (name = \"kv\", external = (address = {kv}, http = (style = host))),\n    \
                 (name = \"origin\", external = (address = {egress}, http = (style = host))),\n    \
                 (name = \"control\", external = (address = {control}, http = (style = host))),\n  \
               ],\n  \
               sockets = [(\n    \
                 name = \"http\", address = {socket}, service = \"worker\",\n    \
                 http = (style = host, cfBlobHeader = \"CF-Blob\"),\n  \
               )],\n\
             );\n\
             const worker :Workerd.Worker = (\n  \
               modules = [\n{modules}  ],\n  \
               compatibilityDate = {date},\n  \
               bindings = [\n    \
                 (name = \"STATE\", kvNamespace = \"kv\"),\n    \
                 (name = \"ORIGIN\", service = \"origin\"),\n    \
                 (name = \"CONTROL\", service = \"control\"),\n    \
                 (name = {access_key}, fromEnvironment = {access_key}),\n    \
                 (name = \"LINTEL_POP\", text = {pop}),\n    \
                 (name = \"LINTEL_HTTPS_PORT\", text = {port}),\n  \
               ],\n\
             );\n",
            kv = unix(&self.kv),
            egress = unix(&self.egress),
            control = unix(&self.control),
            access_key = quoted(ACCESS_KEY),
            socket = unix(&self.socket),
            modules = modules.concat(),
            date = quoted(COMPATIBILITY_DATE),
            pop = quoted(&self.pop),
            port = quoted(&self.https_port.to_string()),
        )
    }
}

struct Module {
    /// Relative to the worker's folder.
    name: String,
    kind: &'static str,
}

impl Module {
    fn text(&self) -> String {
        let file = quoted(&format!("worker/{}", self.name));
        format!("    (name = {}, {} = embed {file}),\n", quoted(&self.name), self.kind)
    }
}

fn copy(from: &Path, to: &Path, prefix: &str, modules: &mut Vec<Module>) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let Some(file) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let name = format!("{prefix}{file}");
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(to.join(&file))?;
            copy(&entry.path(), &to.join(&file), &format!("{name}/"), modules)?;
            continue;
        }
        let kind = match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("js" | "mjs") => "esModule",
            Some("wasm") => "wasm",
            _ => continue,
        };
        std::fs::copy(entry.path(), to.join(&file))?;
        modules.push(Module { name, kind });
    }
    Ok(())
}

/// A Cap'n Proto text literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_the_first_module() {
        let folder = tempfile::tempdir().unwrap();
        let worker = folder.path().join("build");
        std::fs::create_dir_all(worker.join("a")).unwrap();
        for file in ["a/helper.js", "index.js", "index_bg.wasm", "package.json"] {
            std::fs::write(worker.join(file), "").unwrap();
        }
        let run = Run {
            worker_dir: worker,
            folder: folder.path().join("run"),
            socket: "/d/w.sock".into(),
            kv: "/d/kv.sock".into(),
            egress: "/d/egress.sock".into(),
            control: "/d/control.sock".into(),
            pop: "ams\"1".into(),
            https_port: 8443,
        };
        let text = std::fs::read_to_string(run.prepare().unwrap()).unwrap();
        let names: Vec<_> = text.lines().filter(|line| line.contains("embed")).collect();
        assert_eq!(
            names,
            [
                r#"    (name = "index.js", esModule = embed "worker/index.js"),"#,
                r#"    (name = "a/helper.js", esModule = embed "worker/a/helper.js"),"#,
                r#"    (name = "index_bg.wasm", wasm = embed "worker/index_bg.wasm"),"#,
            ]
        );
        assert!(text.contains(r#"address = "unix:/d/w.sock""#), "{text}");
        assert!(text.contains(r#"text = "ams\"1""#), "{text}");
    }

    #[test]
    fn a_missing_worker_names_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run {
            worker_dir: folder.path().to_owned(),
            folder: folder.path().join("run"),
            socket: PathBuf::new(),
            kv: PathBuf::new(),
            egress: PathBuf::new(),
            control: PathBuf::new(),
            pop: String::new(),
            https_port: 443,
        };
        assert!(run.prepare().unwrap_err().to_string().contains("make worker"));
    }
}
