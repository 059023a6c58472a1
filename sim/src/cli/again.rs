//! `replay --check`: the same run in two fresh processes, held against each other.

use std::process::{Command, ExitCode};
use std::{env, io};

use super::{Unwritten, VIOLATED, print, usage};

/// The option that asks for it.
const CHECK: &str = "--check";

/// How many lines are shown before and after the first that differs.
const AROUND: usize = 3;

/// Does what this process was asked for in two others, and says whether they print the same.
pub(super) fn check() -> Result<ExitCode, Unwritten> {
    let (one, other) = match run().and_then(|one| Ok((one, run()?))) {
        Ok((Ok(one), Ok(other))) => (one, other),
        Ok((Err(refused), _) | (_, Err(refused))) => return Ok(usage(refused)),
        Err(error) => return Ok(usage(format!("no second process: {error}"))),
    };
    if let Some(parting) = parting(&one, &other) {
        print(format_args!("NOT the same history twice: they part here\n{parting}"))?;
        return Ok(ExitCode::from(VIOLATED));
    }
    let verdict: Vec<&str> = one.lines().skip_while(|line| !line.starts_with("trace ")).collect();
    print(format_args!("the same history twice, {}", verdict.join("\n")))?;
    let held = !verdict.iter().any(|line| line.starts_with("VIOLATION"));
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
}

/// What another process prints; or what it says if it refuses.
fn run() -> io::Result<Result<String, String>> {
    let args = env::args_os().skip(1).filter(|arg| arg != CHECK);
    let output = Command::new(env::current_exe()?).args(args).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // What breaks an invariant is printed like any other run.
    let printed = output.status.success() || output.status.code() == Some(VIOLATED.into());
    let complaint = text(&output.stderr);
    let complaint = complaint.trim_start_matches("error: ").trim_end();
    Ok(if printed { Ok(text(&output.stdout)) } else { Err(complaint.to_owned()) })
}

/// The first line that differs in the two, and what is around it; nothing if none does.
fn parting(one: &str, other: &str) -> Option<String> {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let longest = one.len().max(other.len());
    let at = (0..longest).find(|at| one.get(*at) != other.get(*at))?;
    let before = one[at.saturating_sub(AROUND)..at].iter().map(|line| format!("  {line}"));
    let from = |mark: &'static str, lines: &[&str]| {
        let lines = lines.iter().skip(at).take(1 + AROUND);
        lines.map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
    };
    let all: Vec<String> = before.chain(from("1", &one)).chain(from("2", &other)).collect();
    Some(all.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_shown_with_what_is_around_it() {
        assert_eq!(parting("a\nb\n", "a\nb\n"), None);
        let shown = parting("a\nb\nc\nd\ne\nf\ng\nh\ni\n", "a\nb\nc\nd\nx\nf\n").expect("e and x");
        assert_eq!(shown, "  b\n  c\n  d\n1 e\n1 f\n1 g\n1 h\n2 x\n2 f");
        assert_eq!(parting("a\n", "a\nb\n").expect("b"), "  a\n2 b");
    }
}
