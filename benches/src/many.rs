//! 10,000 workspaces against 10: a page of the list, and a cold start.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::http::{Connection, request};
use crate::load::{Bounds, load};
use crate::report::{Report, announce, median, seconds};
use crate::server::{ADMIN_TOKEN, Server, expect, prepare};
use crate::throughput::name;

const MANY: usize = 10_000;
const FEW: usize = 10;
const CREATORS: usize = 32;
/// Rows of a page: as many as the small server can fill.
const PAGE: usize = 10;
const REQUESTS: usize = 300;
const FIVE_THOUSAND: &str = "half@bench.test";
const TEN: &str = "ten@bench.test";

/// A caller and where the pages begin that are asked for.
struct Reader {
    what: &'static str,
    small: String,
    large: String,
    pages: Vec<usize>,
}

/// Measures pages, then restarts.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let small = Server::start(binary)?;
    fill(&small, FEW)?;
    let mut large = Server::start(binary)?;
    let took = fill(&large, MANY)?;
    announce(&format!("{MANY} workspaces created in {}", seconds(took)));
    let ends = |visible: usize| vec![1, visible / PAGE / 2, visible / PAGE];
    let reader = |what, email, pages| -> Result<Reader> {
        Ok(Reader { what, small: user_token(&small, email)?, large: user_token(&large, email)?, pages })
    };
    let staff = ADMIN_TOKEN.to_owned();
    let readers = [
        Reader { what: "staff", small: staff.clone(), large: staff, pages: ends(MANY) },
        reader("a user who sees 5,000", FIVE_THOUSAND, ends(MANY / 2))?,
        reader("a user who sees 10", TEN, vec![1])?,
    ];
    for reader in &readers {
        pages(&small, &large, reader, report)?;
    }
    for (signal, bar) in [("TERM", Duration::from_secs(5)), ("KILL", Duration::from_secs(5))] {
        let times = (0..runs).map(|_| large.restart(signal)).collect::<Result<Vec<_>>>()?;
        let time = median(times);
        let what = format!("cold start with 10,000 workspaces after SIG{signal}");
        let ratio = format!("{:.2}", time.as_secs_f64() / bar.as_secs_f64());
        report.row(&what, seconds(time), format!("{} allowed", seconds(bar)), ratio, "1.00");
    }
    Ok(())
}

/// Creates the workspaces: one user may read the first half, another the first ten.
fn fill(server: &Server, count: usize) -> Result<Duration> {
    let start = Instant::now();
    let bounds =
        Bounds { connections: CREATORS.min(count), requests: count.div_ceil(CREATORS), time: Duration::MAX };
    load(bounds, |first| {
        let mut connection = server.connect()?;
        Ok(move |turn: usize| {
            let number = turn * CREATORS + first;
            if number >= count {
                return Ok(());
            }
            let half = (number < MANY / 2).then_some(FIVE_THOUSAND);
            let ten = number.is_multiple_of(count / FEW).then_some(TEN);
            let reads = |user| json!({ "user": user, "role": "readonly" });
            let permissions: Vec<Value> = half.into_iter().chain(ten).map(reads).collect();
            let body = json!({ "name": name(number), "permissions": permissions }).to_string();
            expect(&connection.send(&prepare("POST", "/api/v3/workspaces", body.as_bytes()))?, 201)
        })
    })?;
    Ok(start.elapsed())
}

/// Makes a user and a token of that user.
fn user_token(server: &Server, email: &str) -> Result<String> {
    let mut connection = server.connect()?;
    let password = "bench-password-bench";
    let mut post = |path: &str, token: &str, body: Value, status| -> Result<Value> {
        let answer = connection.send(&request("POST", path, token, body.to_string().as_bytes()))?;
        expect(&answer, status)?;
        Ok(serde_json::from_slice(&answer.body)?)
    };
    let login = json!({ "email": email, "password": password });
    post("/api/v3/users", ADMIN_TOKEN, login.clone(), 201)?;
    let session = post("/api/v3/token", ADMIN_TOKEN, login, 200)?;
    let access = session["access"].as_str().context("no access token")?;
    let made = post("/api/v3/users/tokens/create", access, json!({ "name": "bench" }), 201)?;
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// Times each page of the large server beside the only page of the small one.
fn pages(small: &Server, large: &Server, reader: &Reader, report: &mut Report) -> Result<()> {
    let first = page_request(&reader.small, 1);
    let (mut few, mut many) = (small.connect()?, large.connect()?);
    let (mut base, mut times) = (vec![], vec![]);
    for page in &reader.pages {
        let asked = page_request(&reader.large, *page);
        let (mut ours, mut peer) = (vec![], vec![]);
        for _ in 0..REQUESTS {
            peer.push(timed_page(&mut few, &first)?);
            ours.push(timed_page(&mut many, &asked)?);
        }
        times.push(median(ours));
        base.extend(peer);
    }
    let base = median(base);
    let ratios = times.iter().map(|time| format!("{:.2}", time.as_secs_f64() / base.as_secs_f64()));
    let which = if times.len() > 1 { "first, middle, last page" } else { "the only page" };
    let what = format!("list of 10,000 workspaces / of 10, {}, {which} of 10", reader.what);
    let ours: Vec<_> = times.iter().copied().map(seconds).collect();
    report.row(&what, ours.join(", "), seconds(base), ratios.collect::<Vec<_>>().join(", "), "1.5");
    Ok(())
}

fn page_request(token: &str, page: usize) -> Vec<u8> {
    request("GET", &format!("/api/v3/workspaces?page_size={PAGE}&page={page}"), token, b"")
}

fn timed_page(connection: &mut Connection, asked: &[u8]) -> Result<Duration> {
    let (elapsed, body) = timed(connection, asked)?;
    let rows = body.windows(11).filter(|window| window == b"\"createdAt\"").count();
    anyhow::ensure!(rows == PAGE, "{rows} rows instead of {PAGE} on a page");
    Ok(elapsed)
}

/// Sends a request and returns how long the whole answer took, and its body.
pub(crate) fn timed(connection: &mut Connection, asked: &[u8]) -> Result<(Duration, Vec<u8>)> {
    let start = Instant::now();
    let answer = connection.send(asked)?;
    let elapsed = start.elapsed();
    expect(&answer, 200)?;
    Ok((elapsed, answer.body))
}
