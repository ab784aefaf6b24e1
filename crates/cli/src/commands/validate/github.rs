//! Workflow commands, which GitHub shows as annotations at the lines of a change.

use workstead_core::problem::Severity;

use super::report::Report;
use crate::diagnostics::Finding;
use crate::error::CliError;
use crate::output::Printer;

/// Prints a command for each problem.
pub(super) fn print(report: &Report, printer: &Printer) -> Result<(), CliError> {
    report.problems.iter().try_for_each(|finding| printer.data(command(&report.path_of(finding), finding)))
}

fn command(path: &str, finding: &Finding) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match finding.line {
        0 => String::new(),
        line => format!(",line={line},col={}", finding.column),
    };
    let hint = finding.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let (path, code) = (property(path), property(&finding.code));
    format!("::{name} file={path}{place},title={code}::{}", data(&format!("{}{hint}", finding.message)))
}

/// Writes what stands behind the second `::` so that it stays one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Writes a property so that nothing in it ends it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use workstead_core::path::RepoPath;
    use workstead_core::problem::Problem;

    use super::*;

    #[test]
    fn nothing_in_a_problem_ends_its_command() {
        let path = RepoPath::parse("slxs/a, b%/slx.yaml").unwrap();
        let problem =
            Problem::file(&path, "wrong_type", "100% wrong\n::error::y").at(2, 7, "/spec").hint("x");
        let finding = Finding::from(problem.clone().warning());
        insta::assert_snapshot!(command(&finding.path, &finding), @"::warning file=slxs/a%2C b%25/slx.yaml,line=2,col=7,title=wrong_type::100%25 wrong%0A::error::y%0Ahint: x");
        let whole = Finding { line: 0, column: 0, hint: None, ..Finding::from(problem) };
        insta::assert_snapshot!(command("x:y", &whole), @"::error file=x%3Ay,title=wrong_type::100%25 wrong%0A::error::y");
    }
}
