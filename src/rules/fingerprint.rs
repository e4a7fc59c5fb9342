//! One hash over every file under a rules folder, whatever its kind: has anything changed? Never says what.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

use super::yaml::FILE_MOST_BYTES;

/// Deeper, and more files, than anything that is read.
const DEPTH_MOST: usize = 6;
const FILES_MOST: usize = 5_000;

/// Changes whenever a file is written, renamed, removed, or comes to stand behind a link. What cannot be read counts too.
pub fn fingerprint(dir: &Path) -> String {
    let mut files = Vec::new();
    list(dir, 0, &mut files);
    files.sort();
    let mut sha256 = Sha256::new();
    let mut add = |part: &[u8]| {
        // The length keeps two parts from passing for one.
        sha256.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        sha256.update(part);
    };
    for path in files {
        add(path.as_os_str().as_encoded_bytes());
        let length = std::fs::metadata(&path).map(|metadata| metadata.len());
        match length {
            // Larger ones are refused unread, whatever they hold.
            Ok(length) if length > FILE_MOST_BYTES => add(&length.to_be_bytes()),
            Ok(_) | Err(_) => match std::fs::read(&path) {
                Ok(bytes) => add(&bytes),
                Err(error) => add(error.to_string().as_bytes()),
            },
        }
    }
    let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
    sha256.finalize().iter().fold(String::new(), hex)
}

fn list(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        // A folder that is there or not is a change too.
        files.push(dir.to_owned());
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // Hidden files are editors' own, and `..data` is how Kubernetes mounts a ConfigMap: its files are seen by their links.
        if entry.file_name().as_encoded_bytes().starts_with(b".") || files.len() >= FILES_MOST {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH_MOST {
                list(&path, depth + 1, files);
            }
        } else {
            files.push(path);
        }
    }
}
