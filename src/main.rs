//! Parses the arguments, runs the command, and turns its answer into an exit code.

fn main() -> std::process::ExitCode {
    reclose::cli::main().into()
}
