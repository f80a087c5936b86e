//! The decrypted byte stream as hyper may see it: only well-framed HTTP/1, and no body byte before the gate is open.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroize;

use super::h2_data::DataCounter;
use super::state::{Behind, ConnectionState, Gate};
use super::strict::{Framing, FramingLimits, Next, STAND_IN, Violation};

const READ_BYTES: usize = 16 * 1024;
/// The most that one read gives. hyper reads into 8 KiB at first, doubles that when a read fills it, and keeps what it has
/// doubled for as long as the connection lives: one that carried a large body would hold 64 KiB for good.
const PART_BYTES_MAX: usize = 8 * 1024 - 1;

/// Wraps the TLS stream of one client. In the common case bytes are judged in hyper's own buffer and never copied;
/// only what comes after an incomplete head or a shut gate is held back here.
pub(super) struct StrictIo<S> {
    inner: S,
    state: Rc<ConnectionState>,
    framing: Framing,
    held: BytesMut,
    /// How many of the held bytes are judged good and wait only for room in hyper's buffer.
    released: usize,
    mode: Mode,
    h2_data: DataCounter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Http1,
    /// HTTP/2: hyper's own framing is strict.
    Http2,
    /// A violation was met; nothing more is read.
    Refused,
}

/// Where a violation was met.
enum Break {
    /// In a head that hyper has not seen.
    Head(Violation),
    /// In a body whose head was passed on.
    Body(Violation),
}

impl<S> StrictIo<S> {
    pub(super) fn http1(inner: S, state: Rc<ConnectionState>, limits: FramingLimits) -> Self {
        Self {
            inner,
            state,
            framing: Framing::new(limits),
            held: BytesMut::new(),
            released: 0,
            mode: Mode::Http1,
            h2_data: DataCounter::new(),
        }
    }

    pub(super) fn http2(inner: S, state: Rc<ConnectionState>, limits: FramingLimits) -> Self {
        Self { mode: Mode::Http2, ..Self::http1(inner, state, limits) }
    }

    /// The stream below.
    pub(super) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The stream below, and what was read from it but belongs to whoever takes over.
    pub(super) fn into_parts(mut self) -> (S, BytesMut) {
        self.unpark();
        (self.inner, self.held)
    }

    /// Judges `bytes` up to a gate, a violation or the end of what has arrived. Returns how many are good.
    fn judge(&mut self, bytes: &[u8]) -> (usize, Option<Break>) {
        let mut good = 0;
        // Each turn consumes at least a byte or ends the loop.
        loop {
            let rest = bytes.get(good..).unwrap_or_default();
            let at_head = self.framing.at_head();
            let (taken, next) = self.framing.scan(rest);
            if at_head && taken > 0 {
                self.state.head_finished();
            }
            match next {
                Next::Again => good += taken,
                Next::NeedMore => {
                    if at_head && !rest.is_empty() {
                        self.state.head_started();
                    }
                    return (good, None);
                }
                Next::Refuse(violation) if self.framing.at_head() => {
                    return (good, Some(Break::Head(violation)));
                }
                Next::Refuse(violation) => return (good, Some(Break::Body(violation))),
                Next::Gate => {
                    self.state.shut_gate();
                    return (good + taken, None);
                }
            }
        }
    }

    /// Records the violation. Before a head was passed on, a stand-in request takes its place and is answered in
    /// turn; inside a body the stream just breaks.
    fn refuse(&mut self, found: Break) -> io::Result<()> {
        self.state.head_finished();
        self.mode = Mode::Refused;
        let (Break::Head(violation) | Break::Body(violation)) = found;
        self.state.set_violation(violation);
        if matches!(found, Break::Body(_)) {
            self.held.as_mut().zeroize();
            self.held.clear();
            self.released = 0;
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        self.held.truncate(self.released);
        self.held.extend_from_slice(STAND_IN);
        self.released = self.held.len();
        Ok(())
    }

    fn judge_held(&mut self) -> io::Result<()> {
        let unreleased = self.held.split_off(self.released);
        let (good, violation) = self.judge(&unreleased);
        self.held.unsplit(unreleased);
        self.released += good;
        self.park();
        match violation {
            None => Ok(()),
            Some(violation) => self.refuse(violation),
        }
    }

    /// Puts what came behind a gated head where the service can look at its framing, once the request is known to be
    /// served. Until then nobody parses it.
    fn park(&mut self) {
        if self.state.gate() == Gate::Shut {
            let bytes = self.held.split_off(self.released);
            self.state.park(Behind { framing: self.framing.clone(), bytes });
        }
    }

    /// Takes it back when the gate is open.
    fn unpark(&mut self) {
        if let Some(behind) = self.state.unpark() {
            self.held.unsplit(behind.bytes);
        }
    }

    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.released.min(buf.remaining());
        buf.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.advance(count);
        self.released -= count;
        if self.held.is_empty() {
            // A connection that once needed the buffer does not keep it for good.
            self.held = BytesMut::new();
        }
    }
}

impl<S: AsyncBufRead + AsyncRead + Unpin> StrictIo<S> {
    /// Reads straight into hyper's buffer and takes back what it may not see yet.
    fn read_in_place(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        ready!(poll_read_part(&mut self.inner, cx, buf))?;
        let after = buf.filled().len();
        if after == before {
            return Poll::Ready(Ok(true));
        }
        let (good, violation) = self.judge(buf.filled().get(before..).unwrap_or_default());
        if before + good < after {
            self.held.extend_from_slice(buf.filled().get(before + good..).unwrap_or_default());
            if let Some(taken_back) = buf.filled_mut().get_mut(before + good..) {
                taken_back.zeroize();
            }
            buf.set_filled(before + good);
        }
        self.park();
        if let Some(violation) = violation {
            self.refuse(violation)?;
            self.deliver(buf);
        }
        Poll::Ready(Ok(buf.filled().len() > before))
    }

    fn read_more_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.held.reserve(READ_BYTES / 4);
        tokio_util::io::poll_read_buf(Pin::new(&mut self.inner), cx, &mut self.held)
    }

    fn poll_http1(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Each turn reads from the socket or returns.
        loop {
            if self.released > 0 {
                self.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            if self.mode == Mode::Refused {
                return Poll::Pending;
            }
            if self.state.gate() == Gate::Shut {
                self.state.await_gate(cx);
                return Poll::Pending;
            }
            self.unpark();
            if self.state.is_opaque() {
                return self.poll_opaque(cx, buf);
            }
            if self.held.is_empty() {
                if ready!(self.read_in_place(cx, buf))? {
                    return Poll::Ready(Ok(()));
                }
                if self.held.is_empty() {
                    continue;
                }
            }
            self.judge_held()?;
            if self.released == 0 && self.mode == Mode::Http1 && self.state.gate() == Gate::Open {
                if ready!(self.read_more_held(cx))? == 0 {
                    return Poll::Ready(Ok(()));
                }
                self.judge_held()?;
            }
        }
    }

    fn poll_http2(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let data = self.h2_data.count(buf.filled().get(before..).unwrap_or_default());
        self.state.data_arrived(data);
        Poll::Ready(Ok(()))
    }

    fn poll_opaque(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        self.released = self.held.len();
        self.deliver(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncBufRead + AsyncRead + Unpin> AsyncRead for StrictIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.mode {
            Mode::Http2 => this.poll_http2(cx, buf),
            Mode::Http1 | Mode::Refused => this.poll_http1(cx, buf),
        }
    }
}

impl<S: AsyncWrite + Unpin> StrictIo<S> {
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match result {
            Poll::Pending => self.state.write_blocked(),
            Poll::Ready(_) => self.state.write_advanced(),
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.note(result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) {
            this.state.flushed();
        }
        this.note(result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.note(result)
    }
}

/// Reads the next part of what TLS has decrypted: a record is dealt into parts of about one size.
pub(super) fn poll_read_part<S: AsyncBufRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let record = ready!(Pin::new(&mut *stream).poll_fill_buf(cx))?;
    let parts = record.len().div_ceil(PART_BYTES_MAX).max(1);
    let count = record.len().div_ceil(parts).min(buf.remaining());
    buf.put_slice(record.get(..count).unwrap_or_default());
    Pin::new(stream).consume(count);
    Poll::Ready(Ok(()))
}
