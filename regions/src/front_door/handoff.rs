//! Zero-downtime restart: a new process asks the running one for its listening sockets, and the old one then drains.
//!
//! The sockets themselves move (SCM_RIGHTS), with the connections that wait in their queues; nobody is refused in between.

use std::fs::{File, Permissions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::listen::Sockets;

/// Threads of a front door at most; two sockets for each and the admin socket fit into one message.
pub(super) const THREADS_MAX: usize = 64;
const SOCKETS_MAX: usize = THREADS_MAX * 2 + 1;
const GREETING: &[u8; 8] = b"DOMICIL1";
const READY: u8 = b'R';
/// For each message of the exchange.
const MESSAGE_WAIT: Duration = Duration::from_secs(5);
/// How long the old process keeps serving while the new one gets ready.
const READY_WAIT: Duration = Duration::from_secs(60);

/// A Unix socket's address holds 108 bytes on Linux and 104 elsewhere, a closing zero among them.
const PATH_BYTES_MAX: usize = 100;
/// The name of a socket while nobody is to find it.
const FRESH_NAME: &str = "s";

/// Sockets from the process before, and the line on which to tell it that it may drain.
pub(super) struct Inherited {
    pub(super) sockets: Sockets,
    predecessor: UnixStream,
}

/// Asks a running front door at `path` for its sockets. `Ok(None)` when there is none.
pub(super) fn inherit(path: &Path) -> io::Result<Option<Inherited>> {
    let mut stream = match connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(MESSAGE_WAIT))?;
    stream.set_write_timeout(Some(MESSAGE_WAIT))?;
    stream.write_all(GREETING)?;
    let sockets = receive(&stream)?;
    Ok(Some(Inherited { sockets, predecessor: stream }))
}

impl Inherited {
    /// The sockets, and the line with which to confirm later.
    pub(super) fn split(self) -> (Sockets, Confirmation) {
        (self.sockets, Confirmation(self.predecessor))
    }
}

/// The line to the process before.
pub(super) struct Confirmation(UnixStream);

impl Confirmation {
    /// Tells the process before that this one serves. From now on it accepts nothing more.
    pub(super) fn send(mut self) -> io::Result<()> {
        self.0.write_all(&[READY])
    }
}

/// Copies of the sockets to give away, and the place where a successor asks.
pub(super) struct Giver {
    listener: UnixListener,
    path: PathBuf,
    sockets: Sockets,
}

impl Giver {
    /// Takes over the place at `path`: the file is replaced in one step, so a successor finds either process.
    pub(super) fn new(path: &Path, sockets: Sockets) -> io::Result<Self> {
        let folder = folder_of(path);
        std::fs::create_dir_all(folder)?;
        // Nobody else can reach a socket in a folder of our own, whatever the umask, until it is ours alone by its mode.
        let private = Private::create(folder)?;
        let fresh = private.0.join(FRESH_NAME);
        let listener = {
            let near = Near::to(&fresh)?;
            UnixListener::bind(&near.path)?
        };
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, path)?;
        Ok(Self { listener, path: path.to_owned(), sockets })
    }

    /// The listener, for waiting on it; non-blocking.
    pub(super) fn watch(&self) -> io::Result<UnixListener> {
        let copy = self.listener.try_clone()?;
        copy.set_nonblocking(true)?;
        Ok(copy)
    }

    /// Serves one successor; blocking, bounded by deadlines. `Ok` means that it serves now and this process must drain.
    pub(super) fn give(&self, mut stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(MESSAGE_WAIT))?;
        stream.set_write_timeout(Some(MESSAGE_WAIT))?;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting)?;
        if greeting != *GREETING {
            return Err(io::ErrorKind::InvalidData.into());
        }
        send(&stream, &self.sockets)?;
        stream.set_read_timeout(Some(READY_WAIT))?;
        let mut ready = [0];
        stream.read_exact(&mut ready)?;
        if ready == [READY] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Takes the place away, for a process that stops without a successor.
    pub(super) fn remove(&self) {
        // A stale file does no harm: nobody answers there, and the next process replaces it.
        let _removed = std::fs::remove_file(&self.path).is_ok();
    }
}

fn connect(path: &Path) -> io::Result<UnixStream> {
    let near = Near::to(path)?;
    UnixStream::connect(&near.path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder that only this user can enter; removed when dropped.
struct Private(PathBuf);

impl Private {
    fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!(".front-door.{}", std::process::id()));
        // Left behind by a process with the same number that was killed in between.
        if let Err(error) = std::fs::remove_dir_all(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // A folder left over does no harm: nothing is in it, and the next process of this number removes it.
        let _removed = std::fs::remove_dir_all(&self.0).is_ok();
    }
}

/// A path that fits into a socket's address: the given one, or the same place by way of its opened folder.
struct Near {
    path: PathBuf,
    /// Open for as long as the path is used.
    _folder: Option<File>,
}

impl Near {
    fn to(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let name =
            path.file_name().filter(|name| name.len() <= PATH_BYTES_MAX / 2 && cfg!(target_os = "linux"));
        let Some(name) = name else {
            let why = format!("the path of a socket may have {PATH_BYTES_MAX} bytes: {}", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        let folder = File::open(folder_of(path))?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

fn send(stream: &UnixStream, sockets: &Sockets) -> io::Result<()> {
    let all = sockets.clients.iter().chain(&sockets.peers).chain(std::iter::once(&sockets.admin));
    let descriptors: Vec<BorrowedFd<'_>> = all.map(AsFd::as_fd).collect();
    let counts = [count(&sockets.clients)?, count(&sockets.peers)?];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = sendmsg(stream, &[IoSlice::new(&counts)], &mut control, SendFlags::empty())?;
    if sent == counts.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

fn count(sockets: &[TcpListener]) -> io::Result<u8> {
    match u8::try_from(sockets.len()) {
        Ok(count) if sockets.len() <= THREADS_MAX => Ok(count),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn receive(stream: &UnixStream) -> io::Result<Sockets> {
    let mut counts = [0_u8; 2];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(stream, &mut [IoSliceMut::new(&mut counts)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let [clients, peers] = counts.map(usize::from);
    if received.bytes != counts.len()
        || descriptors.len() != clients + peers + 1
        || clients == 0
        || peers == 0
    {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut listeners = descriptors.into_iter().map(TcpListener::from);
    let take = |listeners: &mut dyn Iterator<Item = TcpListener>, count| listeners.take(count).collect();
    let clients = take(&mut listeners, clients);
    let peers = take(&mut listeners, peers);
    let admin = listeners.next().ok_or(io::ErrorKind::InvalidData)?;
    Ok(Sockets { clients, peers, admin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn sockets() -> Sockets {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        Sockets { clients: vec![listen()], peers: vec![listen()], admin: listen() }
    }

    fn hand_over(path: &Path) {
        let given = sockets();
        let address = given.clients[0].local_addr().unwrap();
        let giver = Giver::new(path, given).unwrap();
        let place = std::fs::symlink_metadata(path).unwrap();
        assert_eq!(place.mode() & 0o777, 0o600, "only this user may ask for the sockets");
        let successor = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let inherited = inherit(path).unwrap().unwrap();
                let (sockets, confirmation) = inherited.split();
                confirmation.send().unwrap();
                sockets
            });
            let (stream, _) = giver.listener.accept().unwrap();
            giver.give(stream).unwrap();
            asking.join().unwrap()
        });
        assert_eq!(successor.clients[0].local_addr().unwrap(), address);
        let left: Vec<_> =
            std::fs::read_dir(folder_of(path)).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, [path.file_name().unwrap()], "nothing is left beside the socket");
    }

    #[test]
    fn the_sockets_change_hands_at_a_place_of_any_length() {
        let folder = tempfile::tempdir().unwrap();
        hand_over(&folder.path().join("short/front-door.sock"));
        hand_over(&folder.path().join("long".repeat(40)).join("front-door.sock"));
        assert!(inherit(&folder.path().join("none".repeat(40)).join("front-door.sock")).unwrap().is_none());
        let error = inherit(&folder.path().join("n".repeat(120))).err().unwrap();
        assert!(error.to_string().contains("may have 100 bytes"), "{error}");
    }

    #[test]
    fn a_socket_is_made_where_nobody_else_can_enter() {
        let folder = tempfile::tempdir().unwrap();
        let private = Private::create(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(&private.0).unwrap().mode() & 0o777, 0o700);
        let path = private.0.clone();
        drop(private);
        assert!(!path.exists());
    }
}
