//! A document sealed, put in parts and read back, beside the same bytes put and read as they are.

use std::sync::Arc;
use std::time::Instant;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use bytes::Bytes;
use tenancy::keys::SubjectId;
use tenancy::objects::{Extent, ObjectCipher, ObjectHeader, ObjectId, PART_BYTES, PartSealer, SegmentReader};
use tenancy::sealed::Sealer;
use testkit::TestRegion;

use crate::Size;
use crate::line::Line;

/// Our own target: sealing and its checks may take less than a third of the throughput.
const RATIO_MIN: f64 = 0.7;

/// Measures and prints.
pub(crate) async fn measure(size: Size) {
    let region = TestRegion::new().await;
    let subject = SubjectId::from(regions::random::bytes::<16>());
    let sealer = region.regional.keys().create_subject(region.alpha.id, subject).await.unwrap().sealer();
    let plain = Plain::new(&region);
    let part = Bytes::from(
        (0..PART_BYTES).map(|n| u8::try_from(n * 31 % 253).unwrap_or_default()).collect::<Vec<u8>>(),
    );
    let extent = Extent::new(size.document_bytes / PART_BYTES * PART_BYTES).unwrap();
    let mib = extent.bytes() as f64 / f64::from(1 << 20);
    let rate = |begun: Instant| mib / begun.elapsed().as_secs_f64();
    let (mut up, mut plain_up, mut down, mut plain_down) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let begun = Instant::now();
        let put = put(&region, (&sealer, extent), &part).await;
        up.push(rate(begun));
        let begun = Instant::now();
        plain.put(extent, &part).await;
        plain_up.push(rate(begun));
        let begun = Instant::now();
        assert_eq!(read(&region, (&sealer, extent), &put).await, extent.bytes());
        down.push(rate(begun));
        let begun = Instant::now();
        assert_eq!(plain.read().await, extent.bytes());
        plain_down.push(rate(begun));
        region.regional.objects().remove(region.alpha.id, put.0).await.unwrap();
    }
    for (name, ours, theirs) in [
        ("a document sealed and put in parts of 8 MiB", up, plain_up),
        ("a document read and opened", down, plain_down),
    ] {
        let (ours, theirs) = (median(ours), median(theirs));
        Line {
            name,
            figure: format!("{ours:.0} MiB/s of {mib:.0} MiB"),
            against: format!("the same bytes as they are, to the same local S3: {theirs:.0} MiB/s"),
            ratio: Some(ours / theirs),
            reach: "≥ 0.7 ×",
            met: size.real.then_some(ours / theirs >= RATIO_MIN),
        }
        .print();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// As an upload does: each part is sealed as it comes, and put when it is whole.
async fn put(
    region: &TestRegion,
    (sealer, extent): (&Sealer, Extent),
    part: &Bytes,
) -> (ObjectId, ObjectHeader) {
    let (objects, tenant, id) = (region.regional.objects(), region.alpha.id, ObjectId::random());
    let (header, cipher) = ObjectCipher::create(sealer, id).unwrap();
    let upload = objects.begin_upload(tenant, id).await.unwrap();
    let mut parts = Vec::new();
    for number in 1..=extent.parts() {
        let mut sealed = PartSealer::new(&cipher, extent, number).unwrap();
        sealed.take(part).unwrap();
        let sealed = sealed.finish().unwrap();
        parts.push(objects.put_part(tenant, (id, &upload), number, sealed).await.unwrap());
    }
    objects.complete_upload(tenant, (id, &upload), &parts).await.unwrap();
    (id, header)
}

/// How many bytes came back.
async fn read(
    region: &TestRegion,
    (sealer, extent): (&Sealer, Extent),
    (id, header): &(ObjectId, ObjectHeader),
) -> u64 {
    let cipher = ObjectCipher::open(sealer, *id, header).unwrap();
    let (objects, at) = (Arc::clone(region.regional.objects()), (region.alpha.id, *id));
    let mut reader = SegmentReader::new(objects, at, cipher, extent, 0..extent.segments());
    let mut bytes = 0;
    while let Some(segment) = reader.next().await {
        bytes += u64::try_from(segment.unwrap().len()).unwrap_or_default();
    }
    bytes
}

/// A client as anybody has one.
struct Plain {
    client: Client,
    bucket: String,
    key: String,
}

const PLAIN: &str = "plain";

impl Plain {
    fn new(region: &TestRegion) -> Self {
        let trust = TrustStore::empty().with_pem_certificate(region.pki.ca_pem());
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(TlsContext::builder().with_trust_store(trust).build().unwrap())
            .build_https();
        let (id, secret) = (localaws::ACCESS_KEY_ID, localaws::SECRET_ACCESS_KEY);
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new(region.config.region.to_string()))
            .endpoint_url(region.aws.s3_endpoint())
            .http_client(http)
            .credentials_provider(Credentials::new(id, secret, None, None, "bench"))
            .force_path_style(true)
            .build();
        let key = region.config.kms.key_id.clone();
        Self { client: Client::from_conf(config), bucket: region.config.s3.bucket.clone(), key }
    }

    async fn put(&self, extent: Extent, part: &Bytes) {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(PLAIN);
        // The bucket takes nothing that S3 does not encrypt.
        let begun = begun.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(&self.key);
        let begun = begun.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
        let upload = begun.upload_id.unwrap();
        let mut done = CompletedMultipartUpload::builder();
        for number in 1..=i32::from(extent.parts()) {
            let sent = self.client.upload_part().bucket(&self.bucket).key(PLAIN).upload_id(&upload);
            let sent = sent.part_number(number).checksum_algorithm(ChecksumAlgorithm::Sha256);
            let sent = sent.body(ByteStream::from(part.clone())).send().await.unwrap();
            let named = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .set_checksum_sha256(sent.checksum_sha256);
            done = done.parts(named.build());
        }
        let end = self.client.complete_multipart_upload().bucket(&self.bucket).key(PLAIN);
        end.upload_id(&upload).multipart_upload(done.build()).send().await.unwrap();
    }

    async fn read(&self) -> u64 {
        let mut answer = self.client.get_object().bucket(&self.bucket).key(PLAIN).send().await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = answer.body.next().await {
            bytes += u64::try_from(chunk.unwrap().len()).unwrap_or_default();
        }
        bytes
    }
}
