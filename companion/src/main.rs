//! The program `causeway-companion`.

fn main() -> std::process::ExitCode {
    causeway_companion::cli::main()
}
