//! The bucket: in one region, holding sealed bytes under random names, and never followed anywhere else.

use std::sync::Arc;

use localaws::{BucketOptions, FaultKind, Service};
use regions::ids::TenantId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tenancy::BootError;
use tenancy::objects::{OBJECT_BYTES_MAX, ObjectError, ObjectId, Objects};
use tenancy::sealed::{Column, Sealed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{BUCKET, Rig, start_aws};

const SEGMENT: Column = Column::unpadded(20, 1);

fn all_names(dir: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            names.push(path.display().to_string());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    names
}

#[tokio::test]
async fn sealed_bytes_come_back_under_a_random_name_and_only_for_their_tenant() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let objects = Objects::connect(&rig.config).await.unwrap();
    let (alpha, beta) = (TenantId::random(), TenantId::random());
    keys.ensure_tenant_keys(alpha).await.unwrap();
    let sealer = keys.tenant_sealer(alpha).await.unwrap();
    let (id, other) = (ObjectId::random(), ObjectId::random());
    let sealed = sealer.seal(SEGMENT, *id.as_bytes(), b"CANARY-7f3a").unwrap();
    objects.put(alpha, id, &sealed).await.unwrap();
    let read = objects.get(alpha, id).await.unwrap();
    assert_eq!(read.as_bytes(), sealed.as_bytes());
    assert_eq!(sealer.open(SEGMENT, *id.as_bytes(), &read).unwrap().as_slice(), b"CANARY-7f3a");
    assert!(
        sealer.open(SEGMENT, *other.as_bytes(), &read).is_err(),
        "bytes moved to another name do not open"
    );
    assert_eq!(objects.get(beta, id).await.map(|_| ()), Err(ObjectError::NotFound));
    assert_eq!(objects.get(alpha, other).await.map(|_| ()), Err(ObjectError::NotFound));
    assert!(all_names(&rig.aws.s3_dir()).iter().all(|name| !name.contains("CANARY")));
    objects.delete(alpha, id).await.unwrap();
    objects.delete(alpha, id).await.unwrap();
    assert_eq!(objects.get(alpha, id).await.map(|_| ()), Err(ObjectError::NotFound));
}

#[tokio::test]
async fn a_tenants_prefix_is_prepared_and_emptied_without_touching_another() {
    let rig = Rig::new().await;
    let objects = Objects::connect(&rig.config).await.unwrap();
    let (alpha, beta) = (TenantId::random(), TenantId::random());
    for tenant in [alpha, beta] {
        objects.ensure_prefix(tenant).await.unwrap();
        objects.ensure_prefix(tenant).await.unwrap();
        objects.put(tenant, ObjectId::from([1; 16]), &Sealed::from_bytes(vec![1; 90])).await.unwrap();
    }
    assert_eq!(objects.purge_tenant(alpha).await, Ok(2));
    assert_eq!(objects.purge_tenant(alpha).await, Ok(0));
    assert!(objects.get(beta, ObjectId::from([1; 16])).await.is_ok());
    let large = Sealed::from_bytes(vec![0; OBJECT_BYTES_MAX + 1]);
    assert_eq!(objects.put(beta, ObjectId::random(), &large).await, Err(ObjectError::TooLarge));
}

#[tokio::test]
async fn purging_leaves_no_version_and_no_delete_marker_in_a_versioned_bucket() {
    let rig = Rig::new().await;
    rig.aws
        .ensure_bucket("versioned", BucketOptions { versioning: true, ..BucketOptions::default() })
        .unwrap();
    let mut config = rig.config.clone();
    config.s3.bucket = "versioned".to_owned();
    let objects = Objects::connect(&config).await.unwrap();
    let (alpha, beta) = (TenantId::random(), TenantId::random());
    let (replaced, deleted) = (ObjectId::random(), ObjectId::random());
    let (bytes, foreign) = (vec![0xA7; 4_096], vec![0xB7; 4_096]);
    let stored = |bytes: &[u8]| {
        let is_it = |path: &String| std::fs::read(path).is_ok_and(|found| found == bytes);
        all_names(&rig.aws.s3_dir()).iter().filter(|path| is_it(path)).count()
    };
    objects.ensure_prefix(alpha).await.unwrap();
    for id in [replaced, replaced, deleted] {
        objects.put(alpha, id, &Sealed::from_bytes(bytes.clone())).await.unwrap();
    }
    objects.delete(alpha, deleted).await.unwrap();
    objects.put(beta, replaced, &Sealed::from_bytes(foreign.clone())).await.unwrap();
    assert_eq!(stored(&bytes), 3, "deleting and replacing keep the bytes");
    // The empty object, two versions of one, and one with its delete marker.
    assert_eq!(objects.purge_tenant(alpha).await, Ok(5));
    assert_eq!(objects.purge_tenant(alpha).await, Ok(0));
    assert_eq!(stored(&bytes), 0, "a version is still there");
    assert_eq!(objects.get(beta, replaced).await.unwrap().as_bytes(), foreign);
}

#[tokio::test]
async fn t19_a_process_refuses_a_bucket_that_is_not_of_its_region_and_names_the_field() {
    let rig = Rig::new().await;
    let elsewhere = BucketOptions { region: Some("us-east-1".to_owned()), ..BucketOptions::default() };
    rig.aws.ensure_bucket("moved-away", elsewhere).unwrap();
    for (bucket, pinned) in
        [("moved-away", true), ("not-there", false), ("arn:aws:s3:us-east-1:1:accesspoint/a", true)]
    {
        let mut config = rig.config.clone();
        config.s3.bucket = bucket.to_owned();
        let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
        assert!(refused.to_string().starts_with("s3.bucket"), "{bucket}: {refused}");
        assert_eq!(matches!(refused, BootError::Pin { .. }), pinned, "{bucket}: {refused}");
    }
    let mut config = rig.config.clone();
    config.kms.key_id = config.kms.key_id.replace("000000000000", "111111111111");
    let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("s3.bucket"), "a bucket of another account: {refused}");
    config.kms.key_id = config.kms.key_id.replace("ap-south-1", "us-east-1");
    let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("kms.key_id"), "{refused}");
}

#[tokio::test]
async fn t19_a_server_of_another_region_is_refused_even_at_the_configured_address() {
    let rig = Rig::new().await;
    let dir = tempfile::tempdir().unwrap();
    let foreign = start_aws("us-east-1", &dir, &rig.certificate);
    foreign.ensure_bucket(BUCKET, BucketOptions::default()).unwrap();
    let mut config = rig.config.clone();
    config.s3.endpoint = Some(foreign.s3_endpoint());
    let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, BootError::Pin { field: "s3.bucket", .. }), "{refused}");
    config.kms.endpoint = Some(foreign.kms_endpoint());
    let refused = tenancy::kms::Kms::connect(config.region, &config.kms).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("kms.key_id"), "{refused}");
}

/// A server that gives every request the same answer, over the rig's certificate.
async fn answering_server(rig: &Rig, answer: String) -> String {
    let chain = vec![CertificateDer::from_pem_slice(rig.certificate.cert_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(rig.certificate.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 8_192];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://{address}")
}

#[tokio::test]
async fn t19_a_bucket_that_says_it_is_elsewhere_is_refused_whichever_way_it_says_so() {
    let rig = Rig::new().await;
    for (location, header) in [("", "ap-south-1"), ("us-east-1", "ap-south-1"), ("ap-south-1", "us-east-1")] {
        let body = format!(
            "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{location}</LocationConstraint>"
        );
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-amz-bucket-region: {header}\r\nContent-Type: application/xml\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut config = rig.config.clone();
        config.s3.endpoint = Some(answering_server(&rig, answer).await);
        let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "s3.bucket: expected ap-south-1, found us-east-1",
            "{location} {header}"
        );
    }
}

#[tokio::test]
async fn t22_a_redirect_to_another_region_is_not_followed() {
    let rig = Rig::new().await;
    let dir = tempfile::tempdir().unwrap();
    let foreign = start_aws("us-east-1", &dir, &rig.certificate);
    foreign.ensure_bucket(BUCKET, BucketOptions::default()).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Redirect\r\nLocation: {}/{BUCKET}\r\nx-amz-bucket-region: us-east-1\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            foreign.s3_endpoint()
        );
        let mut config = rig.config.clone();
        config.s3.endpoint = Some(answering_server(&rig, answer).await);
        let refused = Objects::connect(&config).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, BootError::Pin { field: "s3.bucket", .. }), "{status}: {refused}");
    }
    assert_eq!(foreign.faults().connections(Service::S3), 0, "not one connection to the other region");
}

#[tokio::test]
async fn t22_a_redirect_or_an_outage_in_the_middle_of_work_is_an_error() {
    let rig = Rig::new().await;
    let objects = Objects::connect(&rig.config).await.unwrap();
    let tenant = TenantId::random();
    let sealed = Sealed::from_bytes(vec![1; 90]);
    rig.aws.faults().s3(FaultKind::Status { code: 301 });
    assert_eq!(objects.put(tenant, ObjectId::random(), &sealed).await, Err(ObjectError::WrongRegion));
    assert_eq!(objects.get(tenant, ObjectId::random()).await.map(|_| ()), Err(ObjectError::WrongRegion));
    rig.aws.faults().clear();
    rig.aws.faults().s3(FaultKind::Status { code: 503 });
    assert_eq!(objects.put(tenant, ObjectId::random(), &sealed).await, Err(ObjectError::Unavailable));
    rig.aws.faults().clear();
    assert_eq!(objects.put(tenant, ObjectId::random(), &sealed).await, Ok(()));
}

#[tokio::test]
async fn an_object_altered_on_disk_or_under_a_dead_kms_key_is_not_handed_out() {
    let rig = Rig::new().await;
    let objects = Objects::connect(&rig.config).await.unwrap();
    let tenant = TenantId::random();
    let id = ObjectId::random();
    let marker = [0xA7; 4_096];
    objects.put(tenant, id, &Sealed::from_bytes(marker.to_vec())).await.unwrap();
    let file = all_names(&rig.aws.s3_dir())
        .into_iter()
        .find(|path| std::fs::read(path).is_ok_and(|bytes| bytes == marker));
    let file = file.expect("the object is a file of its own");
    let mut bytes = marker;
    bytes[2_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(objects.get(tenant, id).await.map(|_| ()), Err(ObjectError::Damaged));
    std::fs::write(&file, marker).unwrap();
    assert!(objects.get(tenant, id).await.is_ok());
    rig.operator().disable_key().key_id(&rig.config.kms.key_id).send().await.unwrap();
    assert_eq!(objects.get(tenant, id).await.map(|_| ()), Err(ObjectError::Denied));
}
