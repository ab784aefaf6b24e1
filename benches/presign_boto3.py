"""Signs as the benchmark's other side: boto3's generate_presigned_url of the same uploads.

Prints how many it signed in a second, over about as many seconds as its argument says.
"""

import sys
import time

import boto3
from botocore.config import Config

client = boto3.client(
    "s3",
    region_name="us-east-1",
    endpoint_url="http://127.0.0.1:9000",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)


def sign(number):
    return client.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": "uploads",
            "Key": f"uploads/bench/{number}.tar.gz",
            "ContentType": "application/gzip",
            "ContentLength": 1000 + number,
            "ChecksumSHA256": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        },
        ExpiresIn=900,
    )


signed = sign(0)
for part in ("X-Amz-Signature=", "content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256"):
    assert part in signed, signed
wanted = float(sys.argv[1])
count, begin = 0, time.perf_counter()
while (took := time.perf_counter() - begin) < wanted:
    for _ in range(50):
        count += 1
        sign(count)
print(count / took)
