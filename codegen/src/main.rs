//! The command `stripe-codegen`: arguments, messages, exit codes.

use std::{
    error::Error as StdError,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use stripe_codegen::{
    Error, Generated, Operations, Options, Report, generate,
    output::{self, Difference, Written},
    spec::Spec,
};

/// Generates stripe-store's typed views from Stripe's OpenAPI description.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str =
    "Exit status: 0 if all is well, 1 if `--check` found differences, 2 if something went wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the views of an API description into a folder, which is replaced whole.
    Generate(Generate),
}

#[derive(Debug, Args)]
struct Generate {
    /// The API description: OpenAPI 3.0, JSON or YAML.
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// The folder of the generated files.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only these resources, by Stripe's names, with all they are made of: `customer,tax.settings`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Adds builders of the operations on these resources, for stripe-store's client. With a name: behind that feature
    /// of the crate that they are in.
    #[arg(long, value_name = "FEATURE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    operations: Option<String>,
    /// Writes nothing; lists the files that are missing, stale or changed.
    #[arg(long)]
    check: bool,
    /// Adds a file that calls every getter, behind the feature `_exercise`; for stripe-store's own tests.
    #[arg(long, hide = true)]
    exercise: bool,
    /// Prints one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What a command came to.
enum Outcome {
    Written(Written),
    Checked(Vec<Difference>),
}

fn main() -> ExitCode {
    let Cli {
        command: Command::Generate(arguments),
    } = Cli::parse();
    let (stdout, stderr) = (io::stdout(), io::stderr());
    match run(&arguments, &mut stdout.lock()) {
        Ok(code) => code,
        Err(error) => {
            // Where even the message cannot be written, the exit code has to do.
            let _ = print_error(error.as_ref(), &mut stderr.lock());
            ExitCode::from(2)
        }
    }
}

/// Runs the command. The exit code is the only thing that a closed pipe leaves of it.
fn run(arguments: &Generate, out: &mut dyn Write) -> Result<ExitCode, Box<dyn StdError>> {
    let spec = read(&arguments.spec)?;
    let Generated { files, report, .. } = generate(
        &spec,
        &Options::default()
            .with_only(arguments.only.iter().cloned())
            .with_operations(arguments.operations.as_deref().map(behind))
            .with_exercise(arguments.exercise),
    )?;
    let outcome = if arguments.check {
        Outcome::Checked(output::check(&files, &arguments.out).map_err(Error::from)?)
    } else {
        Outcome::Written(output::write(&files, &arguments.out).map_err(Error::from)?)
    };
    let printed = if arguments.json {
        print_json(arguments, &report, files.len(), &outcome, out)
    } else {
        print_text(arguments, &report, files.len(), &outcome, out)
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    match outcome {
        Outcome::Checked(differences) if !differences.is_empty() => Ok(ExitCode::from(1)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Operations behind a feature, or always there where it has no name.
fn behind(feature: &str) -> Operations {
    if feature.is_empty() {
        Operations::default()
    } else {
        Operations::behind(feature)
    }
}

fn read(path: &Path) -> Result<Spec, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::reading(path, source))?;
    Ok(Spec::read(&text, &path.display().to_string())?)
}

fn print_text(
    arguments: &Generate,
    report: &Report,
    files: usize,
    outcome: &Outcome,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Report {
        version,
        schemas,
        resources,
        types,
        getters,
        enums,
        twins,
        events,
        operations,
        listings,
        skipped,
        untyped,
        skipped_operations,
        unlisted,
        keywords,
        ..
    } = report;
    writeln!(out, "Stripe API {version}, {}", count(*schemas, "schema"))?;
    let generated = [
        (*resources, "resource"),
        (*types, "type"),
        (*getters, "getter"),
        (*enums, "enum"),
        (*events, "event"),
        (*listings, "listing"),
    ];
    let generated = generated
        .map(|(number, noun)| count(number, noun))
        .join(", ");
    writeln!(out, "generated: {generated}")?;
    writeln!(
        out,
        "of these, {} for types and enums that are the same in several places",
        count(*twins, "further name")
    )?;
    if arguments.operations.is_some() {
        let left_out = skipped_operations.len();
        writeln!(
            out,
            "{}, {left_out} left out",
            count(*operations, "operation")
        )?;
        for skipped in skipped_operations {
            writeln!(out, "  {}: {}", skipped.operation, skipped.reason)?;
        }
    }
    writeln!(out, "skipped: {}", count(skipped.len(), "schema"))?;
    for skipped in skipped {
        writeln!(out, "  {}: {}", skipped.schema, skipped.reason)?;
    }
    writeln!(
        out,
        "without a type of their own: {}",
        count(untyped.len(), "field")
    )?;
    for untyped in untyped {
        writeln!(out, "  {}: {}", untyped.schema, untyped.reason)?;
    }
    writeln!(out, "not listed: {}", count(unlisted.len(), "list"))?;
    for unlisted in unlisted {
        writeln!(out, "  {}: {}", unlisted.path, unlisted.reason)?;
    }
    for (what, counts) in [
        ("keywords", &keywords.schema),
        ("extensions", &keywords.extensions),
        ("unknown extensions", &keywords.unknown_extensions),
    ] {
        if !counts.is_empty() {
            let counts: Vec<String> = counts
                .iter()
                .map(|(keyword, count)| format!("{keyword} {count}"))
                .collect();
            writeln!(out, "{what}: {}", counts.join(", "))?;
        }
    }
    let folder = arguments.out.display();
    match outcome {
        Outcome::Written(Written::Unchanged) => {
            writeln!(out, "{folder} is up to date, {}", count(files, "file"))
        }
        Outcome::Written(_) => writeln!(out, "wrote {} to {folder}", count(files, "file")),
        Outcome::Checked(differences) if differences.is_empty() => {
            writeln!(out, "{folder} is up to date, {}", count(files, "file"))
        }
        Outcome::Checked(differences) => {
            writeln!(
                out,
                "{folder} differs in {}",
                count(differences.len(), "file")
            )?;
            for difference in differences {
                writeln!(out, "  {difference}")?;
            }
            writeln!(out, "to bring it up to date: {}", fix(arguments))
        }
    }
}

fn print_json(
    arguments: &Generate,
    report: &Report,
    files: usize,
    outcome: &Outcome,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (written, differences) = match outcome {
        Outcome::Written(written) => (Some(*written == Written::Written), None),
        Outcome::Checked(differences) => (
            None,
            Some(differences.iter().map(DifferenceJson::new).collect()),
        ),
    };
    let fix = differences
        .as_ref()
        .is_some_and(|differences: &Vec<_>| !differences.is_empty())
        .then(|| fix(arguments));
    serde_json::to_writer(
        &mut *out,
        &OutcomeJson {
            report,
            out: &arguments.out,
            files,
            written,
            differences,
            fix,
        },
    )?;
    writeln!(out)
}

/// What `--json` prints.
#[derive(Serialize)]
struct OutcomeJson<'a> {
    #[serde(flatten)]
    report: &'a Report,
    out: &'a Path,
    files: usize,
    /// Whether the folder was written, or held the files already. Without `--check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<bool>,
    /// With `--check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Vec<DifferenceJson<'a>>>,
    /// The command that makes them go away, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// One difference, as `--json` prints it.
#[derive(Serialize)]
struct DifferenceJson<'a> {
    path: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl<'a> DifferenceJson<'a> {
    fn new(difference: &'a Difference) -> Self {
        let line = match difference.kind {
            output::Kind::Changed { line, .. } => Some(line),
            _ => None,
        };
        Self {
            path: &difference.path,
            kind: difference.kind.as_str(),
            line,
        }
    }
}

/// A number of things.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The command that brings the folder up to date.
fn fix(arguments: &Generate) -> String {
    let Generate {
        spec,
        out,
        only,
        operations,
        check: _,
        exercise,
        json: _,
    } = arguments;
    let mut command = format!(
        "stripe-codegen generate --spec {} --out {}",
        quoted(spec),
        quoted(out)
    );
    if !only.is_empty() {
        command.push_str(" --only ");
        command.push_str(&only.join(","));
    }
    if let Some(feature) = operations {
        command.push_str(" --operations");
        if !feature.is_empty() {
            command.push('=');
            command.push_str(feature);
        }
    }
    if *exercise {
        command.push_str(" --exercise");
    }
    command
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |character: char| character.is_alphanumeric() || "/._-+:@%".contains(character);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// An error with all its causes.
fn print_error(error: &dyn StdError, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "error: {error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(out, "  because: {error}")?;
        cause = error.source();
    }
    Ok(())
}
