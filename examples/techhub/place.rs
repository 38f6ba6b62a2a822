//! Where TechHub listens and where it keeps things: from its arguments, or from variables.

use std::path::PathBuf;

/// Where it listens and where it keeps things.
#[derive(Debug)]
pub struct Place {
    /// Port on loopback; 0 takes any free one.
    pub port: u16,
    /// Folder of the database and of the jobs.
    pub data: PathBuf,
}

impl Place {
    /// `--port` or `TECHHUB_PORT`, `--data` or `TECHHUB_DATA`.
    pub fn from(
        mut args: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut port = variable("TECHHUB_PORT");
        let mut data = variable("TECHHUB_DATA");
        while let Some(name) = args.next() {
            let value = match name.as_str() {
                "--port" => &mut port,
                "--data" => &mut data,
                _ => return Err(format!("`{name}` is unknown; there are --port N and --data FOLDER")),
            };
            *value = Some(args.next().ok_or_else(|| format!("{name} needs a value"))?);
        }
        let port = port.unwrap_or_else(|| "8080".to_owned());
        Ok(Self {
            port: port.parse().map_err(|_| format!("`{port}` is not a port"))?,
            data: data.unwrap_or_else(|| "techhub-data".to_owned()).into(),
        })
    }
}
