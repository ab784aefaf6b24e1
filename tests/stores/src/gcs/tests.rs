use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;
use ureq::http::{Request, Response};

use super::*;

/// Sends a request; a value of a header follows its name after a colon.
fn send(gcs: &GcsEmulator, method: &str, path: &str, headers: &[&str], body: &str) -> Response<String> {
    let mut request = Request::builder().method(method).uri(format!("{}{path}", gcs.endpoint()));
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let mut response = http::agent().run(request.body(body.to_owned()).unwrap()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Response::from_parts(response.into_parts().0, text)
}

fn status(response: &Response<String>) -> u16 {
    response.status().as_u16()
}

fn generation(response: &Response<String>) -> String {
    response.headers()["x-goog-generation"].to_str().unwrap().to_owned()
}

#[test]
fn puts_heads_gets_and_lists_as_google_does() {
    let Some(gcs) = GcsEmulator::start() else { return };
    let put = send(&gcs, "PUT", "/uploads/a/b.tar.gz", &["content-type: application/gzip"], "one");
    assert_eq!(status(&put), 200);
    let head = send(&gcs, "HEAD", "/uploads/a/b.tar.gz", &[], "");
    assert_eq!((status(&head), generation(&head)), (200, generation(&put)));
    assert_eq!((&head.headers()["content-length"], head.body().as_str()), (&"3".parse().unwrap(), ""));
    assert_eq!(send(&gcs, "GET", "/storage/v1/b/uploads/o/a%2Fb.tar.gz?alt=media", &[], "").body(), "one");
    send(&gcs, "POST", "/upload/storage/v1/b/uploads/o?uploadType=media&name=a%2Fc", &[], "two");
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("/storage/v1/b/uploads/o?prefix=a%2F&maxResults=1&pageToken={token}");
        let page: Value = serde_json::from_str(send(&gcs, "GET", &path, &[], "").body()).unwrap();
        names.push(page["items"][0]["name"].as_str().unwrap().to_owned());
        let Some(next) = page["nextPageToken"].as_str() else { break };
        token = next.replace('/', "%2F");
    }
    assert_eq!(names, ["a/b.tar.gz", "a/c"]);
}

#[test]
fn holds_to_generations() {
    let Some(gcs) = GcsEmulator::start() else { return };
    let fresh = ["x-goog-if-generation-match: 0"];
    let first = send(&gcs, "PUT", "/uploads/a", &fresh, "one");
    assert_eq!((status(&first), status(&send(&gcs, "PUT", "/uploads/a", &fresh, "two"))), (200, 412));
    let first = generation(&first);
    let object = "/storage/v1/b/uploads/o/a";
    let second = generation(&send(&gcs, "PUT", "/uploads/a", &[], "two"));
    assert_ne!(first, second);
    let read =
        |generation: &str| send(&gcs, "GET", &format!("{object}?alt=media&generation={generation}"), &[], "");
    assert_eq!((status(&read(&first)), read(&second).body().as_str()), (404, "two"));
    let upload = |wanted: &str| {
        let path =
            format!("/upload/storage/v1/b/uploads/o?uploadType=media&name=a&ifGenerationMatch={wanted}");
        status(&send(&gcs, "POST", &path, &[], "three"))
    };
    assert_eq!((upload("0"), upload(&first), upload(&second), upload(&second)), (412, 412, 200, 412));
    let delete = |wanted: &str| {
        status(&send(&gcs, "DELETE", &format!("{object}?ifGenerationMatch={wanted}"), &[], ""))
    };
    assert_eq!(delete(&second), 412);
    assert_eq!(send(&gcs, "GET", "/uploads/a", &[], "").body(), "three");
}

#[test]
fn refuses_what_is_too_large_and_forgets_what_breaks_off() {
    let Some(gcs) = GcsEmulator::start() else { return };
    let range = ["x-goog-content-length-range: 1,3"];
    assert_eq!(status(&send(&gcs, "PUT", "/uploads/a", &range, "four")), 400);
    assert_eq!(status(&send(&gcs, "PUT", "/uploads/a", &range, "")), 400);
    let mut upload = TcpStream::connect(("127.0.0.1", gcs.port)).unwrap();
    upload.write_all(b"PUT /uploads/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfour").unwrap();
    // Others are served meanwhile.
    assert_eq!(status(&send(&gcs, "GET", "/uploads/a", &[], "")), 404);
    upload.shutdown(Shutdown::Write).unwrap();
    assert_eq!(upload.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert_eq!(status(&send(&gcs, "GET", "/uploads/a", &[], "")), 404);
    assert_eq!(status(&send(&gcs, "PUT", "/uploads/a", &range, "two")), 200);
}

#[test]
fn keeps_its_data_through_an_outage() {
    let Some(mut gcs) = GcsEmulator::start() else { return };
    gcs.create_bucket("another");
    send(&gcs, "PUT", "/another/a", &[], "one");
    gcs.stop();
    assert_eq!(http::status(&gcs.endpoint()), None);
    gcs.restart();
    assert_eq!(send(&gcs, "GET", "/another/a", &[], "").body(), "one");
}
