//! Where secrets are looked up, at the moment they are needed. Never keeps, prints or logs one.

use secrecy::SecretString;
use std::io::Read as _;
use std::path::Path;

use super::failed;
use crate::core::evidence::{Failure, FailureKind, SecretRef};

/// A secret is a token or a password; a larger file is the wrong file.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Looks secrets up by reference. Files are read anew each time, so that a rotated secret is taken up without a restart.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Reads one environment variable. Handed in, because only `config` touches the environment.
    environment: fn(&str) -> Option<String>,
}

impl Secrets {
    pub fn new(environment: fn(&str) -> Option<String>) -> Self {
        Self { environment }
    }

    /// The secret, without the white space around it. A failure names the reference, never the value.
    pub fn get(&self, wanted: &SecretRef) -> Result<SecretString, Failure> {
        let found = match wanted {
            SecretRef::Env(name) => (self.environment)(name)
                .ok_or_else(|| unusable(wanted, "the environment variable is not set"))?,
            SecretRef::File(path) => {
                read(Path::new(path)).map_err(|problem| unusable(wanted, &problem))?
            }
        };
        usable(&found).map_err(|problem| unusable(wanted, problem))
    }
}

/// A secret as it was found, without the white space around it; or why it cannot be one.
pub fn usable(found: &str) -> Result<SecretString, &'static str> {
    let text = found.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err("it is empty");
    }
    // A line break within would end a header and start another.
    if text.chars().any(char::is_control) {
        return Err("it holds a line break or another control character");
    }
    Ok(SecretString::from(text))
}

fn read(path: &Path) -> Result<String, String> {
    // Asked before opening, because opening a pipe would wait for its writer.
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let size = file
        .take(MAX_SECRET_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if size as u64 > MAX_SECRET_BYTES {
        return Err(format!("it is larger than {MAX_SECRET_BYTES} bytes"));
    }
    Ok(text)
}

fn unusable(wanted: &SecretRef, problem: &str) -> Failure {
    let place = match wanted {
        SecretRef::Env(name) => format!("env {name}"),
        SecretRef::File(path) => format!("file {path}"),
    };
    failed(FailureKind::NotConfigured, format!("secret of {place}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn environment(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("\u{feff} s3cret\n".to_owned()),
            "TWO_LINES" => Some("s3cret\r\nX-Admin: 1".to_owned()),
            "BLANK" => Some(" \n".to_owned()),
            _ => None,
        }
    }

    fn get(wanted: &SecretRef) -> Result<String, String> {
        Secrets::new(environment)
            .get(wanted)
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|failure| failure.detail)
    }

    #[test]
    fn trims_what_editors_leave_around_a_secret() {
        assert_eq!(get(&SecretRef::Env("TOKEN".into())).unwrap(), "s3cret");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-file\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(get(&SecretRef::File(path)).unwrap(), "from-file");
    }

    #[test]
    fn names_the_reference_and_never_the_value() {
        let missing = get(&SecretRef::Env("NO_SUCH".into())).unwrap_err();
        assert!(missing.contains("env NO_SUCH"), "{missing}");
        let broken = get(&SecretRef::Env("TWO_LINES".into())).unwrap_err();
        assert!(broken.contains("control character") && !broken.contains("s3cret"), "{broken}");
        assert!(get(&SecretRef::Env("BLANK".into())).unwrap_err().contains("empty"));
        assert!(get(&SecretRef::File("/dev/zero".into())).unwrap_err().contains("regular file"));
    }
}
