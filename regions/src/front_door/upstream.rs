//! The byte stream to a backend, and whether the backend takes what is written to it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::strict_io::poll_read_part;

/// Whether a connection's last write is still waiting for its peer. While it is, no more of a body is read for it: that would
/// only wait in memory. It stays on its thread, but hyper's upgrades want a stream that could leave it.
#[derive(Default)]
pub(super) struct Upstream {
    blocked: AtomicBool,
    waker: AtomicWaker,
}

impl Upstream {
    /// Pending while the peer takes nothing.
    pub(super) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_blocked() {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        Poll::Pending
    }

    /// Whether the peer has not taken everything that was written.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let blocked = result.is_pending();
        if self.blocked.swap(blocked, Ordering::Relaxed) && !blocked {
            self.waker.wake();
        }
        result
    }
}

/// A stream whose writes are watched.
pub(super) struct UpstreamIo<S> {
    inner: S,
    state: Arc<Upstream>,
}

impl<S> UpstreamIo<S> {
    pub(super) fn new(inner: S, state: Arc<Upstream>) -> Self {
        Self { inner, state }
    }
}

impl<S: AsyncBufRead + Unpin> AsyncRead for UpstreamIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_read_part(&mut self.get_mut().inner, cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for UpstreamIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.state.note(Pin::new(&mut this.inner).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.state.note(Pin::new(&mut this.inner).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.state.note(Pin::new(&mut this.inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
