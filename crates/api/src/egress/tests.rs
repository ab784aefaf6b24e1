//! What is connected to, name servers included.

use std::io;
use std::sync::Mutex;

use super::*;

/// Answers each question with the next of its answers.
#[derive(Debug)]
struct Script(Mutex<Vec<&'static [&'static str]>>);

impl Resolver for Script {
    fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = self.0.lock().unwrap().remove(0);
        Ok(addresses.iter().map(|text| text.parse().unwrap()).collect())
    }
}

fn answering(answers: &[&'static [&'static str]]) -> Egress {
    Egress::with(Rules::default(), Arc::new(Script(Mutex::new(answers.to_vec()))))
}

async fn checked(egress: &Egress, url: &str) -> Result<Destination, Refusal> {
    egress.check(&egress.target(url)?).await
}

#[tokio::test]
async fn the_addresses_that_were_checked_are_those_that_are_used() {
    let egress = answering(&[&["1.1.1.1", "2606:4700:4700::1111", "1.1.1.1"]]);
    let destination = checked(&egress, "https://example.com/hook?x=1").await.unwrap();
    assert_eq!(destination.addresses.len(), 2);
    let pinned = destination.curl_resolve().unwrap();
    assert_eq!(pinned, "example.com:443:1.1.1.1,[2606:4700:4700::1111]");
    let egress = answering(&[]);
    assert_eq!(checked(&egress, "https://9.9.9.9:8443/").await.unwrap().curl_resolve(), None);
}

#[tokio::test]
async fn one_address_that_is_not_public_refuses_the_name() {
    let egress = answering(&[&["1.1.1.1", "10.0.0.7"]]);
    let refused = checked(&egress, "https://example.com/").await.unwrap_err();
    insta::assert_snapshot!(refused.answer("url"), @"the field url can't be used: example.com is 10.0.0.7, a private address; use a public address, or have the operator add the network to WORKSTEAD_EGRESS_ALLOW [address_not_allowed]");
    let refused = checked(&egress, "https://[::1]/").await.unwrap_err();
    insta::assert_snapshot!(refused, @"[::1] is ::1, this machine itself; use a public address, or have the operator add the network to WORKSTEAD_EGRESS_ALLOW");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_refused_the_second_time() {
    let egress = answering(&[&["1.1.1.1"], &["169.254.169.254"]]);
    let target = egress.target("https://rebind.example/").unwrap();
    let first = egress.check(&target).await.unwrap();
    let second = egress.check(&target).await.unwrap_err();
    assert_eq!(second.code(), "address_not_allowed");
    // What was checked first stays what it was.
    assert_eq!(first.addresses, ["1.1.1.1".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn what_the_operator_allows_passes() {
    let rules = Rules { networks: vec![Network::parse("10.0.0.0/8").unwrap()], http: true };
    let egress = Egress::with(rules, Arc::new(Script(Mutex::new(vec![&["10.0.0.7"], &["192.168.0.1"]]))));
    assert!(checked(&egress, "http://gitea:3000/").await.is_ok());
    assert!(checked(&egress, "http://gitea:3000/").await.is_err());
    // A target from when plain http was allowed.
    let target = egress.target("http://gitea:3000/").unwrap();
    assert_eq!(answering(&[]).check(&target).await, Err(Refusal::Plain));
}

#[tokio::test]
async fn a_name_without_addresses_says_so() {
    let refused = checked(&answering(&[&[]]), "https://nowhere.example/").await.unwrap_err();
    insta::assert_snapshot!(refused, @"the address of nowhere.example could not be found: it has none");
    let refused =
        checked(&Egress::with(Rules::default(), Arc::new(SystemResolver)), "https://x.invalid/").await;
    assert_eq!(refused.unwrap_err().code(), "host_not_found");
}
