//! Documents in the bucket: parts in any order, windows of segments back, and nothing altered in S3 is ever handed out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use localaws::FaultKind;
use regions::ids::TenantId;
use tenancy::keys::SubjectId;
use tenancy::objects::{
    Extent, ObjectCipher, ObjectError, ObjectHeader, ObjectId, Objects, PART_BYTES, PartSealer,
    SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES, SealedPart, SegmentReader, StoredPart, UploadId,
};
use tenancy::sealed::Sealer;

use crate::rig::Rig;

const STRIDE: usize = SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES;

/// A clinic with a patient, and the region's bucket.
struct Ward {
    rig: Rig,
    objects: Arc<Objects>,
    tenant: TenantId,
    sealer: Sealer,
}

/// One document that was put.
struct Put {
    id: ObjectId,
    header: ObjectHeader,
    extent: Extent,
}

impl Ward {
    async fn new() -> Self {
        let rig = Rig::new().await;
        let (keys, _) = rig.keys().await;
        let objects = Arc::new(Objects::connect(&rig.config).await.unwrap());
        let tenant = TenantId::random();
        keys.ensure_tenant_keys(tenant).await.unwrap();
        let subject = SubjectId::from(regions::random::bytes::<16>());
        let sealer = keys.create_subject(tenant, subject).await.unwrap().sealer();
        Self { rig, objects, tenant, sealer }
    }

    fn seal(&self, cipher: &ObjectCipher, text: &[u8], number: u16) -> SealedPart {
        let mut part = PartSealer::new(cipher, Extent::new(text.len() as u64).unwrap(), number).unwrap();
        let from = usize::from(number - 1) * PART_BYTES as usize;
        part.take(&text[from..]).unwrap();
        part.finish().unwrap()
    }

    async fn send(&self, at: (ObjectId, &UploadId), number: u16, part: SealedPart) -> StoredPart {
        self.objects.put_part(self.tenant, at, number, part).await.unwrap()
    }

    async fn put(&self, text: &[u8]) -> Put {
        let id = ObjectId::random();
        let extent = Extent::new(text.len() as u64).unwrap();
        let (header, cipher) = ObjectCipher::create(&self.sealer, id).unwrap();
        let upload = self.objects.begin_upload(self.tenant, id).await.unwrap();
        let mut parts = Vec::new();
        for number in 1..=extent.parts() {
            parts.push(self.send((id, &upload), number, self.seal(&cipher, text, number)).await);
        }
        self.objects.complete_upload(self.tenant, (id, &upload), &parts).await.unwrap();
        Put { id, header, extent }
    }

    async fn read(&self, put: &Put) -> Result<Vec<u8>, ObjectError> {
        let cipher =
            ObjectCipher::open(&self.sealer, put.id, &put.header).map_err(|_cause| ObjectError::Damaged)?;
        let at = (self.tenant, put.id);
        let segments = 0..put.extent.segments();
        let mut reader = SegmentReader::new(Arc::clone(&self.objects), at, cipher, put.extent, segments);
        let mut text = Vec::new();
        while let Some(segment) = reader.next().await {
            text.extend_from_slice(&segment?);
        }
        assert!(reader.next().await.is_none());
        Ok(text)
    }

    /// The files that hold objects' bytes.
    fn blobs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.rig.aws.s3_dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.parent().and_then(Path::file_name).is_some_and(|name| name == "blobs") {
                    found.push(path);
                }
            }
        }
        found
    }
}

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n * 31 % 253) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_back_whole_and_in_ranges() {
    let ward = Box::pin(Ward::new()).await;
    for bytes in [0, 1, SEGMENT_BYTES, PART_BYTES as usize + 3 * SEGMENT_BYTES + 7] {
        let text = text(bytes);
        let put = ward.put(&text).await;
        assert!(ward.read(&put).await.unwrap() == text, "{bytes}");
    }
    let text = text(6 * SEGMENT_BYTES + 100);
    let put = ward.put(&text).await;
    let (first, last) = (SEGMENT_BYTES as u64 + 5, 5 * SEGMENT_BYTES as u64 + 50);
    let (segments, skip) = put.extent.covering(first, last);
    let cipher = ObjectCipher::open(&ward.sealer, put.id, &put.header).unwrap();
    let at = (ward.tenant, put.id);
    let mut reader = SegmentReader::new(Arc::clone(&ward.objects), at, cipher, put.extent, segments);
    let mut read = Vec::new();
    while let Some(segment) = reader.next().await {
        read.extend_from_slice(&segment.unwrap());
    }
    assert!(read[skip..=skip + (last - first) as usize] == text[first as usize..=last as usize]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_come_in_any_order_and_again() {
    let ward = Box::pin(Ward::new()).await;
    let (good, wrong) = (text(2 * PART_BYTES as usize + 11), vec![0xEE; 2 * PART_BYTES as usize + 11]);
    let extent = Extent::new(good.len() as u64).unwrap();
    let id = ObjectId::random();
    let (header, cipher) = ObjectCipher::create(&ward.sealer, id).unwrap();
    let upload = ward.objects.begin_upload(ward.tenant, id).await.unwrap();
    let third = ward.send((id, &upload), 3, ward.seal(&cipher, &good, 3)).await;
    let stale = ward.send((id, &upload), 1, ward.seal(&cipher, &wrong, 1)).await;
    let second = ward.send((id, &upload), 2, ward.seal(&cipher, &good, 2)).await;
    let first = ward.send((id, &upload), 1, ward.seal(&cipher, &good, 1)).await;
    let with_stale = [stale, second.clone(), third.clone()];
    let refused = ward.objects.complete_upload(ward.tenant, (id, &upload), &with_stale).await;
    assert_eq!(refused, Err(ObjectError::Damaged), "a part that was replaced meanwhile");
    ward.objects.complete_upload(ward.tenant, (id, &upload), &[first, second, third]).await.unwrap();
    assert!(ward.read(&Put { id, header, extent }).await.unwrap() == good);
    // A small part: the answer may come, and the connection end, before a large one has been sent.
    let again = ward.objects.put_part(ward.tenant, (id, &upload), 3, ward.seal(&cipher, &good, 3)).await;
    assert_eq!(again.map(|_| ()), Err(ObjectError::NotFound), "the upload is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_or_removed_leaves_no_byte() {
    let ward = Box::pin(Ward::new()).await;
    let before = ward.blobs().len();
    let text = text(PART_BYTES as usize + 1);
    let id = ObjectId::random();
    let (_, cipher) = ObjectCipher::create(&ward.sealer, id).unwrap();
    for _ in 0..2 {
        let upload = ward.objects.begin_upload(ward.tenant, id).await.unwrap();
        ward.send((id, &upload), 1, ward.seal(&cipher, &text, 1)).await;
    }
    let put = ward.put(&text).await;
    assert_eq!(ward.blobs().len(), before + 4);
    assert_eq!(ward.objects.abort_uploads(ward.tenant, id).await, Ok(2));
    assert_eq!(ward.objects.abort_uploads(ward.tenant, id).await, Ok(0));
    assert_eq!(ward.blobs().len(), before + 2, "another object's bytes stay");
    ward.objects.remove(ward.tenant, put.id).await.unwrap();
    ward.objects.remove(ward.tenant, put.id).await.unwrap();
    assert_eq!(ward.blobs().len(), before);
    assert_eq!(ward.read(&put).await, Err(ObjectError::NotFound));
}

/// Whoever can write to S3 rearranges a document's own sealed segments and mixes in those of another one.
#[tokio::test(flavor = "multi_thread")]
async fn segments_rearranged_in_s3_are_not_handed_out() {
    let ward = Box::pin(Ward::new()).await;
    let before = ward.blobs();
    let put = ward.put(&text(3 * SEGMENT_BYTES + 9)).await;
    let file = ward.blobs().into_iter().find(|path| !before.contains(path)).unwrap();
    let good = std::fs::read(&file).unwrap();
    let known = ward.blobs();
    ward.put(&vec![1; 3 * SEGMENT_BYTES + 9]).await;
    let other = ward.blobs().into_iter().find(|path| !known.contains(path)).unwrap();
    let other = std::fs::read(other).unwrap();
    let segments = |bytes: &[u8]| bytes.chunks(STRIDE).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mine, foreign) = (segments(&good), segments(&other));
    assert_eq!((mine.len(), mine[3].len()), (4, 9 + SEGMENT_OVERHEAD_BYTES));
    let attacks: [(&str, Vec<Vec<u8>>); 5] = [
        ("two swapped", vec![mine[1].clone(), mine[0].clone(), mine[2].clone(), mine[3].clone()]),
        ("one repeated", vec![mine[0].clone(), mine[0].clone(), mine[2].clone(), mine[3].clone()]),
        (
            "one of another document",
            vec![mine[0].clone(), foreign[1].clone(), mine[2].clone(), mine[3].clone()],
        ),
        (
            "the last of another document",
            vec![mine[0].clone(), mine[1].clone(), mine[2].clone(), foreign[3].clone()],
        ),
        ("the last dropped", mine[..3].to_vec()),
    ];
    for (attack, pieces) in attacks {
        std::fs::write(&file, pieces.concat()).unwrap();
        let read = ward.read(&put).await.map(|text| text.len());
        assert!(read.is_err(), "{attack}: {read:?}");
    }
    for at in [0, 11, 12, 5_000, STRIDE - 1, STRIDE, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        assert_eq!(ward.read(&put).await.map(|text| text.len()), Err(ObjectError::Damaged), "byte {at}");
    }
    std::fs::write(&file, &good).unwrap();
    // The row says another length than the object has: cut to whole segments, or grown by one.
    for bytes in [3 * SEGMENT_BYTES, 3 * SEGMENT_BYTES + 8, 4 * SEGMENT_BYTES + 1] {
        let other = Put { id: put.id, header: put.header, extent: Extent::new(bytes as u64).unwrap() };
        assert_eq!(ward.read(&other).await.map(|text| text.len()), Err(ObjectError::Damaged), "{bytes}");
    }
    assert!(ward.read(&put).await.is_ok());
}

/// Catalogue entry T22 for parts: a redirect in the middle of an upload or of a download is an error, and a security event.
#[tokio::test(flavor = "multi_thread")]
async fn t22_a_redirect_in_the_middle_of_a_document_is_not_followed() {
    let ward = Box::pin(Ward::new()).await;
    let text = text(5 * SEGMENT_BYTES);
    let put = ward.put(&text).await;
    let id = ObjectId::random();
    let (_, cipher) = ObjectCipher::create(&ward.sealer, id).unwrap();
    let upload = ward.objects.begin_upload(ward.tenant, id).await.unwrap();
    let at = (id, &upload);
    for code in [301, 307] {
        ward.rig.aws.faults().s3(FaultKind::Status { code });
        let begun = ward.objects.begin_upload(ward.tenant, id).await;
        assert_eq!(begun, Err(ObjectError::WrongRegion), "{code}");
        let sent = ward.objects.put_part(ward.tenant, at, 1, ward.seal(&cipher, b"small", 1)).await;
        assert_eq!(sent, Err(ObjectError::WrongRegion), "{code}");
        assert_eq!(ward.read(&put).await, Err(ObjectError::WrongRegion), "{code}");
        assert_eq!(ward.objects.remove(ward.tenant, id).await, Err(ObjectError::WrongRegion), "{code}");
        ward.rig.aws.faults().clear();
    }
    ward.rig.aws.faults().s3(FaultKind::Status { code: 503 });
    assert_eq!(ward.read(&put).await, Err(ObjectError::Unavailable));
    ward.rig.aws.faults().clear();
    assert!(ward.read(&put).await.unwrap() == text);
}

/// The key policy of infra/terraform: S3 may use the key only for this region and some clinic.
#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_put_with_the_clinics_encryption_context() {
    let ward = Box::pin(Ward::new()).await;
    let policy = |tenant: TenantId| {
        let account = "arn:aws:iam::000000000000:root";
        let uses = ["kms:GenerateDataKey", "kms:Decrypt"];
        let deny = |name: &str, value: String| {
            serde_json::json!({
                "Effect": "Deny", "Principal": "*", "Action": uses, "Resource": "*",
                "Condition": { "StringNotEquals": { (format!("kms:EncryptionContext:{name}")): value } },
            })
        };
        let allow = serde_json::json!({
            "Effect": "Allow", "Principal": { "AWS": account }, "Action": "kms:*", "Resource": "*",
        });
        serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [
                allow,
                deny("hc:cell", "ap-south-1".to_owned()),
                deny("hc:tenant", tenant.as_uuid().to_string()),
                deny("hc:purpose", "doc".to_owned()),
            ],
        })
        .to_string()
    };
    let operator = ward.rig.operator();
    let key = &ward.rig.config.kms.key_id;
    let put_policy =
        |text: String| operator.put_key_policy().key_id(key).policy_name("default").policy(text).send();
    put_policy(policy(ward.tenant)).await.unwrap();
    let put = ward.put(b"with the context").await;
    assert_eq!(ward.read(&put).await.unwrap(), b"with the context");
    ward.objects.ensure_prefix(ward.tenant).await.unwrap();
    put_policy(policy(TenantId::random())).await.unwrap();
    assert_eq!(ward.read(&put).await, Err(ObjectError::Denied), "reading needs the same context");
    let begun = ward.objects.begin_upload(ward.tenant, ObjectId::random()).await;
    assert_eq!(begun, Err(ObjectError::Denied));
    assert_eq!(ward.objects.ensure_prefix(ward.tenant).await, Err(ObjectError::Denied));
}
