use serde_json::json;

use super::*;

/// What MinIO's webhook sends for a PUT by a signed URL: its `event.Log`, field for field, with made-up names.
const MINIO: &str = r#"{"EventName":"s3:ObjectCreated:Put","Key":"workstead/uploads/019aaf00-0000-7000-8000-000000000001/019aaf00-0000-7000-8000-000000000002.tar.gz","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"","eventTime":"2025-04-24T06:33:35.123Z","eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"workstead"},"requestParameters":{"principalId":"workstead","region":"","sourceIPAddress":"10.0.0.7"},"responseElements":{"x-amz-id-2":"dd9025bab4ad464b049177c95eb6ebf374d3b3fd1af9251148b658df7ac2e3e8","x-amz-request-id":"183941D4F0CFA9F2","x-minio-deployment-id":"0b2f0a4e-8b9b-4fa3-a2c1-6e0c6b0f6d65","x-minio-origin-endpoint":"http://10.0.0.9:9000"},"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"workstead","ownerIdentity":{"principalId":"workstead"},"arn":"arn:aws:s3:::workstead"},"object":{"key":"uploads%2F019aaf00-0000-7000-8000-000000000001%2F019aaf00-0000-7000-8000-000000000002.tar.gz","size":9214,"eTag":"c37e4ed1bb1a1dd0e0a2c0a0fb8d6d1b","contentType":"application/gzip","userMetadata":{"content-type":"application/gzip"},"sequencer":"183941D4F1A0F4C3"}},"source":{"host":"10.0.0.7","port":"","userAgent":"curl/8.5.0"}}]}"#;

/// The example of "Event message structure" in the S3 user guide, with a key of ours.
const AWS: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-west-2","eventTime":"1970-01-01T00:00:00.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AIDAJDPLRKLG7UEXAMPLE"},"requestParameters":{"sourceIPAddress":"172.16.0.1"},"responseElements":{"x-amz-request-id":"C3D13FE58DE4C810","x-amz-id-2":"FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},"s3":{"s3SchemaVersion":"1.0","configurationId":"testConfigRule","bucket":{"name":"amzn-s3-demo-bucket","ownerIdentity":{"principalId":"A3NL1KOZZKExample"},"arn":"arn:aws:s3:::amzn-s3-demo-bucket"},"object":{"key":"uploads/w-1/u-1.tar.gz","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e","versionId":"096fKKXTRTtl3on89fVO.nfljtsv6qko","sequencer":"0055AED6DCD90281E5"}}}]}"#;

/// What S3 sends to a target that was just configured.
const AWS_TEST: &str = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"amzn-s3-demo-bucket","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}"#;

/// The example of events by way of `EventBridge` in the S3 user guide, with a key of ours.
const EVENT_BRIDGE: &str = r#"{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3","account":"111122223333","time":"2021-11-12T00:00:00Z","region":"ca-central-1","resources":["arn:aws:s3:::amzn-s3-demo-bucket1"],"detail":{"version":"0","bucket":{"name":"amzn-s3-demo-bucket1"},"object":{"key":"uploads/w-1/u-2.tar.gz","size":5,"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},"request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}"#;

/// A push of Pub/Sub, as "Pub/Sub notifications for Cloud Storage" lists its attributes.
const PUB_SUB: &str = r#"{"message":{"attributes":{"bucketId":"our-bucket","eventTime":"2025-04-24T06:33:35.123456Z","eventType":"OBJECT_FINALIZE","notificationConfig":"projects/_/buckets/our-bucket/notificationConfigs/1","objectGeneration":"1745476415000000","objectId":"uploads/w-1/u-3.tar.gz","payloadFormat":"JSON_API_V1"},"data":"eyJraW5kIjogInN0b3JhZ2Ujb2JqZWN0In0=","messageId":"2070443601311540","publishTime":"2025-04-24T06:33:35.300Z"},"subscription":"projects/p/subscriptions/s"}"#;

fn read_text(text: &str) -> String {
    let read = read(&serde_json::from_str(text).unwrap());
    let mut shown: Vec<_> = read
        .created
        .iter()
        .map(|object| {
            format!("{} {}", object.bucket, object.key().map_or("?".to_owned(), |key| key.to_string()))
        })
        .collect();
    shown.push(format!("and {} others", read.others));
    shown.join("\n")
}

#[test]
fn every_sender_names_bucket_and_key() {
    insta::assert_snapshot!(read_text(MINIO), @r"
    workstead uploads/019aaf00-0000-7000-8000-000000000001/019aaf00-0000-7000-8000-000000000002.tar.gz
    and 0 others
    ");
    insta::assert_snapshot!(read_text(AWS), @r"
    amzn-s3-demo-bucket uploads/w-1/u-1.tar.gz
    and 0 others
    ");
    insta::assert_snapshot!(read_text(EVENT_BRIDGE), @r"
    amzn-s3-demo-bucket1 uploads/w-1/u-2.tar.gz
    and 0 others
    ");
    insta::assert_snapshot!(read_text(PUB_SUB), @r"
    our-bucket uploads/w-1/u-3.tar.gz
    and 0 others
    ");
}

#[test]
fn what_is_no_new_object_is_counted() {
    for other in [
        AWS_TEST,
        "{}",
        &MINIO.replace("ObjectCreated:Put", "ObjectRemoved:Delete"),
        &AWS.replace("ObjectCreated:Put", "ObjectTagging:Put"),
        &EVENT_BRIDGE.replace("Object Created", "Object Deleted"),
        &EVENT_BRIDGE.replace("aws.s3", "aws.ec2"),
        &PUB_SUB.replace("OBJECT_FINALIZE", "OBJECT_DELETE"),
        &PUB_SUB.replace("attributes", "data2"),
        r#"{"Records": [{"eventName": "s3:ObjectCreated:Put"}]}"#,
        r#"{"Records": [7]}"#,
    ] {
        assert_eq!(read_text(other), "and 1 others", "{other}");
    }
    assert_eq!(read_text(r#"{"Records": []}"#), "and 0 others");
    let mixed = json!({ "Records": [7, serde_json::from_str::<Value>(AWS).unwrap()["Records"][0]] });
    assert!(read_text(&mixed.to_string()).ends_with("u-1.tar.gz\nand 1 others"));
}

#[test]
fn only_a_whole_key_of_ours_is_one() {
    for sent in ["uploads/w/u.tar.gz&x", "uploads/w/u.tar.gz=", "%2e%2e/x", "uploads/w/u+u.tar.gz", "", "%FF"]
    {
        let created = Created { bucket: String::new(), sent_key: sent.to_owned() };
        assert_eq!(created.key(), None, "{sent}");
    }
}
