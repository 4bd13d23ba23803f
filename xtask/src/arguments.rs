//! What was asked for on the command line.

use anyhow::{Result, bail};

/// Printed by `--help` and after a mistake.
pub(crate) const HELP: &str = "\
Usage: cargo xtask <command>

  demo [--release] [-- …]     Build, then run Causeway on 127.0.0.1:8080 with an embedded SMB share of sample files.
                              What follows `--` goes to `causeway demo`, for example `-- --listen 127.0.0.1:9000`.
  build [--release]           Build the functions and the binary (target/debug/causeway or target/release/causeway).
  test [--fast] [filter]      Formatting, lints, unit, property and end-to-end tests. With a filter: only the tests
                              whose name contains it. --fast: no lints, one mode, no long cases.
  soak [--minutes N]          Lock, save and fail for N minutes (30), with a new seed in each round; stops at the first
                              history that no correct product can have.
  bench [name …]              Build for release and measure against smbclient. Names choose measurements.
  openapi                     Write the snapshot of the OpenAPI document anew after a change of the API.";

/// How long a soak takes, unless it is told otherwise.
const SOAK_MINUTES: u64 = 30;

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Build functions and binary.
    Build {
        /// Optimised.
        release: bool,
    },
    /// Build and run the demo.
    Demo {
        /// Optimised.
        release: bool,
        /// For `causeway demo`.
        arguments: Vec<String>,
    },
    /// Run the checks.
    Test {
        /// Only the quick ones.
        fast: bool,
        /// Part of a test's name.
        filter: Option<String>,
    },
    /// Repeat the cases that make trouble, with other seeds.
    Soak {
        /// For how long at least.
        minutes: u64,
    },
    /// Measure.
    Bench {
        /// Names of measurements; none means all.
        only: Vec<String>,
    },
    /// Refresh the snapshot of the OpenAPI document.
    OpenApi,
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command> {
    let mut arguments = arguments.peekable();
    let Some(name) = arguments.next() else { return Ok(Command::Help) };
    match name.as_str() {
        "help" | "--help" | "-h" => Ok(Command::Help),
        "build" => {
            let release = take_flag(&mut arguments, "--release");
            nothing_more(arguments, "build")?;
            Ok(Command::Build { release })
        }
        "demo" => {
            let release = take_flag(&mut arguments, "--release");
            let separated = take_flag(&mut arguments, "--");
            let rest: Vec<String> = arguments.collect();
            if !separated && !rest.is_empty() {
                bail!("`demo` does not know {:?}; options of `causeway demo` follow `--`", rest[0]);
            }
            Ok(Command::Demo { release, arguments: rest })
        }
        "test" => {
            let mut fast = false;
            let mut filter = None;
            for argument in arguments {
                match argument.as_str() {
                    "--fast" => fast = true,
                    other if other.starts_with('-') => bail!("`test` does not know {other:?}"),
                    _ if filter.is_some() => bail!("`test` takes one filter"),
                    _ => filter = Some(argument),
                }
            }
            Ok(Command::Test { fast, filter })
        }
        "soak" => {
            let minutes = if take_flag(&mut arguments, "--minutes") {
                match arguments.next().map(|number| number.parse()) {
                    Some(Ok(minutes)) => minutes,
                    _ => bail!("`--minutes` is followed by a number"),
                }
            } else {
                SOAK_MINUTES
            };
            nothing_more(arguments, "soak")?;
            Ok(Command::Soak { minutes })
        }
        "bench" => Ok(Command::Bench { only: arguments.collect() }),
        "openapi" => {
            nothing_more(arguments, "openapi")?;
            Ok(Command::OpenApi)
        }
        other => bail!("there is no command {other:?}"),
    }
}

/// Takes the next argument if it is that flag.
fn take_flag(arguments: &mut std::iter::Peekable<impl Iterator<Item = String>>, flag: &str) -> bool {
    arguments.next_if(|argument| argument == flag).is_some()
}

fn nothing_more(mut arguments: impl Iterator<Item = String>, command: &str) -> Result<()> {
    match arguments.next() {
        Some(argument) => bail!("`{command}` does not know {argument:?}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn no_command_is_a_wish_for_help() {
        assert_eq!(read("").unwrap(), Command::Help);
    }

    #[test]
    fn a_filter_and_fast_come_in_any_order() {
        let wanted = Command::Test { fast: true, filter: Some("uploads".to_owned()) };
        assert_eq!(read("test uploads --fast").unwrap(), wanted);
        assert_eq!(read("test --fast uploads").unwrap(), wanted);
    }

    #[test]
    fn options_of_the_demo_follow_two_dashes() {
        let wanted = vec!["--listen".to_owned(), "127.0.0.1:9000".to_owned()];
        assert_eq!(
            read("demo -- --listen 127.0.0.1:9000").unwrap(),
            Command::Demo { release: false, arguments: wanted }
        );
        assert!(read("demo --listen 127.0.0.1:9000").is_err());
    }

    #[test]
    fn a_soak_takes_as_long_as_one_says() {
        assert_eq!(read("soak").unwrap(), Command::Soak { minutes: SOAK_MINUTES });
        assert_eq!(read("soak --minutes 5").unwrap(), Command::Soak { minutes: 5 });
        assert!(read("soak --minutes").is_err());
        assert!(read("soak 5").is_err());
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        assert!(read("tset").unwrap_err().to_string().contains("tset"));
        assert!(read("build --relase").unwrap_err().to_string().contains("--relase"));
    }
}
