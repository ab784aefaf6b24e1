use super::*;

fn listed(garage: &Garage) -> String {
    let output = garage.cli(&["bucket", "list"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rights(garage: &Garage, key: &GarageKey) -> Value {
    let known = garage.ask(&format!("GetKeyInfo?id={}", key.id), &Value::Null);
    known["buckets"].as_array().unwrap().iter().map(|bucket| bucket["permissions"].clone()).collect()
}

#[test]
fn starts_with_a_bucket_and_a_key() {
    let Some(garage) = Garage::start() else { return };
    assert!(listed(&garage).contains(garage.bucket()));
    assert_eq!(rights(&garage, garage.key()), json!([{ "read": true, "write": true, "owner": false }]));
    assert!(!garage.key().secret.is_empty());
}

#[test]
fn keeps_its_data_through_an_outage() {
    let Some(mut garage) = Garage::start() else { return };
    let endpoint = garage.endpoint();
    garage.stop();
    assert_eq!(http::status(&endpoint), None);
    garage.restart();
    assert_eq!(garage.endpoint(), endpoint);
    assert_eq!(http::status(&endpoint), Some(403));
    assert!(listed(&garage).contains(garage.bucket()));
}

#[test]
fn gives_and_takes_rights() {
    let Some(garage) = Garage::start() else { return };
    garage.create_bucket("another");
    let key = garage.create_key();
    assert_eq!(rights(&garage, &key), json!([]));
    garage.allow(&key, "another", Rights::ReadOnly);
    assert_eq!(rights(&garage, &key), json!([{ "read": true, "write": false, "owner": false }]));
    garage.deny(&key, "another");
    garage.allow(&key, garage.bucket(), Rights::WriteOnly);
    assert_eq!(rights(&garage, &key), json!([{ "read": false, "write": true, "owner": false }]));
}

#[test]
fn two_run_side_by_side() {
    let (Some(one), Some(two)) = (Garage::start(), Garage::start()) else { return };
    one.create_bucket("of-one");
    assert!(listed(&one).contains("of-one"));
    assert!(!listed(&two).contains("of-one"));
}
