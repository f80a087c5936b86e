//! Reading a document: a window of stored bytes at a time, each segment opened before it is handed on.
//!
//! Every window is a request of its own, so a slow receiver holds no connection to S3, and the next two are fetched while
//! the last one is used: one alone would wait for S3's first byte each time. Nothing that did not open is ever handed on. The
//! bytes of a direct object lie as they are; whoever reads one compares its sum.

use std::collections::VecDeque;
use std::ops::{Deref, Range};
use std::sync::Arc;

use aws_sdk_s3::types::ChecksumMode;
use regions::ids::TenantId;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::extent::Extent;
use super::sealing::{ObjectCipher, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES};
use super::{ObjectError, ObjectId, Objects, note, object_key};

/// Segments fetched at once. There are four windows at most: the two that are fetched, the one that is handed out, and the one
/// before it while its last segment is still in use.
const WINDOW_SEGMENTS: u32 = 3;
/// Windows fetched at the same time.
const FETCHED_AHEAD: usize = 2;
/// Windows kept to be filled again: the one handed out and the one before it.
const WINDOWS_KEPT_MAX: usize = 2;
/// Times one window is asked for when its bytes break off.
const WINDOW_ATTEMPTS_MAX: u32 = 3;

/// How an object's bytes lie in S3.
pub enum Layout {
    /// Sealed segment by segment under the patient's key.
    Sealed(ObjectCipher),
    /// As they are, encrypted by S3 alone.
    Direct,
}

impl From<ObjectCipher> for Layout {
    fn from(cipher: ObjectCipher) -> Layout {
        Layout::Sealed(cipher)
    }
}

/// Reads some segments of one object, in order.
pub struct SegmentReader {
    objects: Arc<Objects>,
    source: Source,
    layout: Layout,
    left: Range<u32>,
    opened: VecDeque<Segment>,
    /// Windows handed out, filled again once nobody uses their segments: fresh memory, and wiping it, cost more than opening.
    handed: Vec<Window>,
    fetching: VecDeque<Fetching>,
}

/// Stored bytes, and after opening the plaintext among them. They are wiped when the last one lets go.
type Window = Arc<Zeroizing<Vec<u8>>>;

/// One segment's plaintext. It lies in the window that it was fetched with: opened where it lies, a document is copied once
/// less than into buffers of its own. The window is filled again, or wiped at the reader's end, after its last segment goes.
#[derive(Clone)]
pub struct Segment {
    window: Window,
    text: Range<usize>,
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        self.window.get(self.text.clone()).unwrap_or_default()
    }
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

/// Where stored bytes come from.
#[derive(Clone, Copy)]
struct Source {
    tenant: TenantId,
    id: ObjectId,
    extent: Extent,
    /// Bytes of the object in S3.
    stored_bytes: u64,
}

struct Fetching {
    segments: Range<u32>,
    task: JoinHandle<Result<Zeroizing<Vec<u8>>, ObjectError>>,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SegmentReader {
    /// A reader of the segments in `segments`; nothing is fetched yet.
    #[must_use]
    pub fn new(
        objects: Arc<Objects>,
        (tenant, id): (TenantId, ObjectId),
        layout: impl Into<Layout>,
        extent: Extent,
        segments: Range<u32>,
    ) -> Self {
        let left = segments.start..segments.end.min(extent.segments());
        let layout = layout.into();
        let stored_bytes = match layout {
            Layout::Sealed(_) => extent.stored_bytes(),
            Layout::Direct => extent.bytes(),
        };
        let source = Source { tenant, id, extent, stored_bytes };
        let (opened, handed, fetching) = (VecDeque::new(), Vec::new(), VecDeque::new());
        Self { objects, source, layout, left, opened, handed, fetching }
    }

    /// The next segment's plaintext, or `None` after the last.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] when stored bytes are not what was put; the reader gives nothing more then.
    pub async fn next(&mut self) -> Option<Result<Segment, ObjectError>> {
        if self.opened.is_empty() {
            self.fetch_ahead();
            let window = self.fetching.pop_front()?;
            match self.open(window).await {
                Ok(opened) => self.opened = opened,
                Err(error) => {
                    self.left = 0..0;
                    self.fetching.clear();
                    return Some(Err(error));
                }
            }
        }
        self.opened.pop_front().map(Ok)
    }

    async fn open(&mut self, mut window: Fetching) -> Result<VecDeque<Segment>, ObjectError> {
        let mut stored = (&mut window.task).await.map_err(|_cancelled| ObjectError::Unavailable)??;
        self.fetch_ahead();
        let piece_bytes = match self.layout {
            Layout::Sealed(_) => SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES,
            Layout::Direct => SEGMENT_BYTES,
        };
        let mut texts = Vec::with_capacity(window.segments.len());
        let mut pieces = stored.chunks_mut(piece_bytes);
        let mut begins = 0;
        for number in window.segments.clone() {
            let piece = pieces.next().ok_or(ObjectError::Damaged)?;
            let position = self.source.extent.position(number);
            let text = match &self.layout {
                Layout::Sealed(cipher) => {
                    cipher.open_segment(number, position, piece).map_err(|_logged| ObjectError::Damaged)?
                }
                Layout::Direct => 0..piece.len(),
            };
            if text.len() != self.source.extent.segment_bytes(number) {
                return Err(ObjectError::Damaged);
            }
            texts.push(begins + text.start..begins + text.end);
            begins += piece.len();
        }
        let window = Arc::new(stored);
        self.handed.push(Arc::clone(&window));
        Ok(texts.into_iter().map(|text| Segment { window: Arc::clone(&window), text }).collect())
    }

    fn fetch_ahead(&mut self) {
        while self.fetching.len() < FETCHED_AHEAD
            && let Some(window) = self.fetch()
        {
            self.fetching.push_back(window);
        }
    }

    fn fetch(&mut self) -> Option<Fetching> {
        let end = self.left.start.saturating_add(WINDOW_SEGMENTS).min(self.left.end);
        let segments = self.left.start..end;
        let range = match self.layout {
            Layout::Sealed(_) => self.source.extent.stored_range(&segments),
            Layout::Direct => self.source.extent.direct_range(&segments),
        }?;
        self.left.start = end;
        let (objects, source, into) = (Arc::clone(&self.objects), self.source, self.free_window());
        let task = tokio::spawn(async move { objects.window(source, range, into).await });
        Some(Fetching { segments, task })
    }

    /// A window that nobody uses any more, or an empty one. One whose segments are kept for long is left to those who keep them.
    fn free_window(&mut self) -> Zeroizing<Vec<u8>> {
        let free = self.handed.iter().position(|window| Arc::strong_count(window) == 1);
        let window = free.map(|at| self.handed.swap_remove(at));
        if self.handed.len() >= WINDOWS_KEPT_MAX {
            self.handed.remove(0);
        }
        window.and_then(Arc::into_inner).unwrap_or_default()
    }
}

impl Objects {
    async fn window(
        &self,
        source: Source,
        range: (u64, u64),
        mut into: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, ObjectError> {
        let mut attempt = 1;
        loop {
            match self.window_once(source, range, &mut into).await {
                Err(ObjectError::Unavailable) if attempt < WINDOW_ATTEMPTS_MAX => attempt += 1,
                ended => return ended.map(|()| into),
            }
        }
    }

    async fn window_once(
        &self,
        source: Source,
        (first, last): (u64, u64),
        bytes: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), ObjectError> {
        let mut answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(object_key(source.tenant, source.id))
            .expected_bucket_owner(self.key.account())
            .checksum_mode(ChecksumMode::Enabled)
            .range(format!("bytes={first}-{last}"))
            .send()
            .await
            .map_err(|error| note(&error))?;
        // The range names the whole length: an object that was cut or has grown shows here already.
        let wanted = format!("bytes {first}-{last}/{}", source.stored_bytes);
        if answer.content_range() != Some(wanted.as_str()) {
            return Err(ObjectError::Damaged);
        }
        let length = usize::try_from(last - first + 1).map_err(|_too_long| ObjectError::TooLarge)?;
        bytes.clear();
        if bytes.capacity() < length {
            // Not grown: that would leave what lay there where nobody wipes it.
            *bytes = Zeroizing::new(Vec::with_capacity(length));
        }
        while let Some(chunk) = answer.body.next().await {
            let chunk = chunk.map_err(|_broken_off| ObjectError::Unavailable)?;
            if bytes.len().saturating_add(chunk.len()) > length {
                return Err(ObjectError::Damaged);
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() == length { Ok(()) } else { Err(ObjectError::Unavailable) }
    }
}
