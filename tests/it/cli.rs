//! Proves what scripts and people rely on at the command line: exit codes, what goes where, help that teaches, errors
//! that say what to do; and that the socket answers its own user alone.

mod check;
mod serve;
mod socket;
mod typed;

use std::path::Path;
use std::process::Command;

/// Runs `reclose` in `folder` without colours or settings of the outside, and tells all that can be seen of it.
fn reclose(folder: &Path, arguments: &[&str]) -> String {
    tell(&mut Command::new(env!("CARGO_BIN_EXE_reclose")), folder, arguments)
}

/// The same in a network namespace of its own, in which there is nothing: not even loopback is up.
fn without_network(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--map-root-user", "--net", env!("CARGO_BIN_EXE_reclose")]);
    tell(&mut command, folder, arguments)
}

fn tell(command: &mut Command, folder: &Path, arguments: &[&str]) -> String {
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string()),
        text(&output.stdout),
        text(&output.stderr)
    )
}
