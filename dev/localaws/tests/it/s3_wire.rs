//! What the SDK never sends: wrong trailing checksums, unsigned headers, bodies beyond the limit, old signatures.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use localaws::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::{REGION, World, refusal};

/// A PUT of `/records/wire`, signed by hand.
struct Put<'a> {
    world: &'a World,
    headers: Vec<(&'a str, String)>,
    unsigned: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl<'a> Put<'a> {
    fn new(world: &'a World, content_hash: &str, body: &'a str) -> Self {
        let headers = vec![
            ("content-length", body.len().to_string()),
            ("host", world.handle.s3_addr().to_string()),
            ("x-amz-content-sha256", content_hash.to_owned()),
            ("x-amz-server-side-encryption", "aws:kms".to_owned()),
            ("x-amz-server-side-encryption-aws-kms-key-id", world.key.clone()),
        ];
        Self { world, headers, unsigned: Vec::new(), body }
    }

    fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn send(mut self) -> (u16, String) {
        let date =
            chrono::DateTime::from_timestamp(unix_s(), 0).unwrap().format("%Y%m%dT%H%M%SZ").to_string();
        let day = date.split_once('T').unwrap().0;
        self.headers.push(("x-amz-date", date.clone()));
        self.headers.sort();
        let names = self.headers.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(";");
        let lines: String = self.headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
        let hash = &self.headers.iter().find(|(n, _)| *n == "x-amz-content-sha256").unwrap().1;
        let canonical = format!("PUT\n/records/wire\n\n{lines}\n{names}\n{hash}");
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        let hashed = HEXLOWER.encode(digest(&SHA256, canonical.as_bytes()).as_ref());
        let mut key = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
        for part in [day, REGION, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = HEXLOWER.encode(&mac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}")));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        let mut request =
            format!("PUT /records/wire HTTP/1.1\r\nauthorization: {authorization}\r\nconnection: close\r\n");
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in &self.unsigned {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        exchange(self.world, &format!("{request}\r\n{}", self.body)).await
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn unix_s() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a signature carries real time")]
    let now = std::time::SystemTime::now();
    i64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

async fn exchange(world: &World, request: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(world.handle.s3_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

/// CRC-32 of "hello" in Base64.
const CRC32_OF_HELLO: &str = "NhCmhg==";

#[tokio::test]
async fn a_trailing_checksum_is_verified() {
    let world = World::plain();
    let put = async |trailer: &str| {
        let body = format!("5\r\nhello\r\n0\r\n{trailer}\r\n");
        let put = Put::new(&world, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", &body);
        let put =
            put.header("x-amz-decoded-content-length", "5").header("x-amz-trailer", "x-amz-checksum-crc32");
        put.header("content-encoding", "aws-chunked").send().await
    };
    let (status, answer) = put(&format!("x-amz-checksum-crc32:{CRC32_OF_HELLO}\r\n")).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = put("x-amz-checksum-crc32:AAAAAA==\r\n").await;
    assert!(status == 400 && answer.contains("BadDigest"), "{answer}");
    let (status, answer) = put("").await;
    assert!(status == 400 && answer.contains("MalformedTrailerError"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_is_refused() {
    let world = World::plain();
    let of_other = HEXLOWER.encode(digest(&SHA256, b"other").as_ref());
    let (status, answer) = Put::new(&world, &of_other, "hello").send().await;
    assert!(status == 400 && answer.contains("XAmzContentSHA256Mismatch"), "{answer}");
    assert_eq!(refusal(world.s3.get_object().bucket("records").key("wire").send().await).0, "NoSuchKey");
}

#[tokio::test]
async fn every_amz_header_must_be_signed() {
    let world = World::plain();
    let mut put = Put::new(&world, "UNSIGNED-PAYLOAD", "hello");
    put.unsigned.push(("x-amz-meta-added", "on the way"));
    let (status, answer) = put.send().await;
    assert!(status == 403 && answer.contains("not signed"), "{answer}");
    assert_eq!(Put::new(&world, "UNSIGNED-PAYLOAD", "hello").send().await.0, 200);
}

#[tokio::test]
async fn too_large_is_refused_before_the_body() {
    let world = World::plain();
    let put = Put::new(&world, "UNSIGNED-PAYLOAD", "").header("content-length", "5368709121");
    let (status, answer) = put.send().await;
    assert!(status == 400 && answer.contains("EntityTooLarge"), "{answer}");
    let too_long = "x".repeat(64 * 1024 + 1);
    let (status, answer) = crate::kit::raw(world.handle.kms_addr(), "POST", "/", &too_long).await;
    assert_eq!(status, 413, "{answer}");
}

#[tokio::test]
async fn signature_version_2_and_forms_are_refused() {
    let world = World::plain();
    let request =
        "GET /records/wire HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: AWS local:abc=\r\n\r\n";
    let (status, answer) = exchange(&world, request).await;
    assert!(status == 400 && answer.contains("AWS4-HMAC-SHA256"), "{answer}");
    let request = "GET /records/wire?AWSAccessKeyId=local&Expires=9999999999&Signature=x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(&world, request).await.0, 400);
    let request = "POST /records HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(exchange(&world, request).await.0, 501);
}
