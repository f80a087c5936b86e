//! Documents in tests: small files of each type, and the way from a file to a document that can be read.

use app::documents::intake::Intake;
use app::documents::model::DocumentId;
use app::documents::scanner::Scanner;
use app::routes::Route;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::world::{Actor, Clinic, World};

/// A file that is to become a document.
pub(crate) struct Sample<'a> {
    pub(crate) kind: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) title: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Sample<'a> {
    pub(crate) fn new(media_type: &'a str, bytes: &'a [u8]) -> Self {
        Sample { kind: "lab_report", media_type, title: "Lipids", bytes }
    }

    pub(crate) fn announcement(&self) -> Value {
        json!({
            "kind": self.kind, "media_type": self.media_type, "title": self.title,
            "size_bytes": self.bytes.len(),
        })
    }
}

impl World {
    /// A new patient of alpha.
    pub(crate) async fn patient(&self, actor: &Actor, mrn: &str) -> String {
        let body = super::patient("Sample", mrn);
        let made = self.ask(&self.alpha, "POST", "/api/v1/patients").by(actor).json(&body).send().await;
        made.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// Announces a document of a patient of alpha.
    pub(crate) async fn announce(&self, actor: &Actor, patient: &str, sample: &Sample<'_>) -> String {
        let path = format!("/api/v1/patients/{patient}/documents");
        let ask = self.ask(&self.alpha, "POST", &path).by(actor).json(&sample.announcement());
        ask.send().await.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// Announces a document, sends its bytes and ends the upload.
    pub(crate) async fn send_document(&self, actor: &Actor, patient: &str, sample: &Sample<'_>) -> String {
        let id = self.announce(actor, patient, sample).await;
        let content = format!("/api/v1/documents/{id}/content");
        self.ask(&self.alpha, "PUT", &content).by(actor).octets(sample.bytes).send().await.expect(204);
        let complete = format!("/api/v1/documents/{id}/complete");
        self.ask(&self.alpha, "POST", &complete).by(actor).send().await.expect(202);
        id
    }

    /// The same, and looks at it as the worker does.
    pub(crate) async fn document(&self, actor: &Actor, patient: &str, sample: &Sample<'_>) -> String {
        let id = self.send_document(actor, patient, sample).await;
        self.look_at(&id, &Scanner::Off).await.unwrap();
        id
    }

    /// Looks at a document of alpha as the worker's job does.
    pub(crate) async fn look_at(&self, id: &str, scanner: &Scanner) -> Result<(), &'static str> {
        let now = DateTime::<Utc>::from(self.app.clock.now());
        let intake = Intake { regional: &self.region.regional, scanner, now };
        intake.look_at(self.alpha.tenant, DocumentId::parse(id).unwrap()).await
    }

    /// What is said about a document of alpha.
    pub(crate) async fn metadata(&self, actor: &Actor, id: &str) -> Value {
        let path = format!("/api/v1/documents/{id}");
        self.ask(&self.alpha, "GET", &path).by(actor).send().await.expect(200).json()
    }

    /// State of a document of alpha, with the refusal.
    pub(crate) async fn state(&self, actor: &Actor, id: &str) -> (String, String) {
        let found = self.metadata(actor, id).await;
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("refusal"))
    }

    /// An id with which a route about documents succeeds.
    pub(crate) async fn id_for(&self, route: &Route, actor: &Actor, patient: &str) -> String {
        let sample = Sample::new("text/plain", b"hello");
        match (route.method.as_str(), route.path) {
            (_, "/api/v1/patients/{id}/documents") => patient.to_owned(),
            ("PUT", "/api/v1/documents/{id}/content" | "/api/v1/documents/{id}/parts/{number}")
            | ("PUT" | "PATCH" | "DELETE", "/api/v1/documents/{id}") => {
                self.announce(actor, patient, &sample).await
            }
            ("POST", "/api/v1/documents/{id}/complete") => {
                let id = self.announce(actor, patient, &sample).await;
                let content = format!("/api/v1/documents/{id}/content");
                let sent = self.ask(&self.alpha, "PUT", &content).by(actor).octets(sample.bytes).send().await;
                sent.expect(204);
                id
            }
            ("GET", "/api/v1/document-links/{id}") => {
                let id = self.document(actor, patient, &sample).await;
                self.link(&self.alpha, actor, &id).await
            }
            _ => self.document(actor, patient, &sample).await,
        }
    }

    /// What a link to a document ends with.
    pub(crate) async fn link(&self, clinic: &Clinic, actor: &Actor, id: &str) -> String {
        let path = format!("/api/v1/documents/{id}/links");
        let made = self.ask(clinic, "POST", &path).by(actor).send().await.expect(201).json();
        let url = made["url"].as_str().unwrap();
        url.strip_prefix(&format!("{}/api/v1/document-links/", clinic.origin())).unwrap().to_owned()
    }
}

/// A JPEG with EXIF (turned by 90 degrees), a comment and the given words in both.
pub(crate) fn jpeg(words: &str) -> Vec<u8> {
    let segment = |marker: u8, payload: &[u8]| {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], length.as_slice(), payload].concat()
    };
    let exif = [
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".as_slice(),
        words.as_bytes(),
    ];
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xe1, &exif.concat()),
        segment(0xe1, format!("http://ns.adobe.com/xap/1.0/\0{words}").as_bytes()),
        segment(0xfe, words.as_bytes()),
        segment(0xc0, b"\x08\0\x08\0\x08\x01\x01\x11\0"),
        segment(0xda, b"\x01\x01\0\0\x3f\0"),
        b"\x12\xff\0\x34\xff\xd0\x56".to_vec(),
        vec![0xff, 0xd9],
    ]
    .concat()
}

/// A PNG with a text chunk of the given words.
pub(crate) fn png(words: &str) -> Vec<u8> {
    let chunk = |kind: &[u8], payload: &[u8]| {
        let covered = [kind, payload].concat();
        let sum = covered.iter().fold(!0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
        });
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [length.as_slice(), &covered, &(!sum).to_be_bytes()].concat()
    };
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"),
        chunk(b"tEXt", format!("Author\0{words}").as_bytes()),
        chunk(b"eXIf", words.as_bytes()),
        chunk(b"IDAT", b"\x78\x9c\x63\x60\0\0\0\x02\0\x01"),
        chunk(b"IEND", b""),
    ]
    .concat()
}

/// An entry of a TIFF page: tag, type, number of values, and their bytes.
type TiffEntry<'a> = (u16, u16, u32, &'a [u8]);

/// A TIFF in some order of bytes (`II` or `MM`), one page an entry of `pages`; strips, values and pages lie one after another.
pub(crate) fn tiff_of(order: &[u8; 2], pages: &[Vec<TiffEntry<'_>>], strip: &[u8]) -> Vec<u8> {
    let little = order == b"II";
    let short = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: usize| {
        let n = u32::try_from(n).unwrap();
        if little { n.to_le_bytes() } else { n.to_be_bytes() }
    };
    let mut file = [order.as_slice(), &short(42), &[0; 4]].concat();
    let mut link = 4;
    for page in pages {
        let place = file.len();
        file.extend_from_slice(strip);
        let (place, length) = (long(place), long(strip.len()));
        let mut entries: Vec<(u16, u16, u32, Vec<u8>)> =
            page.iter().map(|(tag, kind, count, bytes)| (*tag, *kind, *count, bytes.to_vec())).collect();
        entries.push((273, 4, 1, place.to_vec()));
        entries.push((279, 4, 1, length.to_vec()));
        entries.sort_by_key(|entry| entry.0);
        let mut ifd = short(u16::try_from(entries.len()).unwrap()).to_vec();
        for (tag, kind, count, mut bytes) in entries {
            ifd.extend([short(tag), short(kind)].concat());
            ifd.extend(long(usize::try_from(count).unwrap()));
            if bytes.len() > 4 {
                ifd.extend(long(file.len()));
                file.extend(bytes);
            } else {
                bytes.resize(4, 0);
                ifd.extend(bytes);
            }
        }
        ifd.extend([0; 4]);
        let at = long(file.len());
        file[link..link + 4].copy_from_slice(&at);
        file.extend(ifd);
        link = file.len() - 4;
    }
    file
}

/// A TIFF of two pages of 8 by 8 points with the given words wherever there may be words.
pub(crate) fn tiff(words: &str) -> Vec<u8> {
    let count = u32::try_from(words.len()).unwrap();
    let said = words.as_bytes();
    let entry = |tag: u16, kind: u16, count: u32, values: &'static [u8]| -> TiffEntry<'_> {
        (tag, kind, count, values)
    };
    let page = || -> Vec<TiffEntry<'_>> {
        vec![
            entry(256, 3, 1, b"\x08\0"),
            entry(257, 3, 1, b"\x08\0"),
            entry(258, 3, 1, b"\x08\0"),
            entry(259, 3, 1, b"\x01\0"),
            entry(262, 3, 1, b"\x01\0"),
            (270, 2, count, said),
            entry(274, 3, 1, b"\x06\0"),
            entry(282, 5, 1, b"\x2c\x01\0\0\x01\0\0\0"),
            (305, 2, count, said),
            (315, 2, count, said),
            (700, 1, count, said),
            (33_723, 7, count, said),
            entry(34_665, 4, 1, b"\x08\0\0\0"),
        ]
    };
    tiff_of(b"II", &[page(), page()], &[0x55; 64])
}

/// A PDF with a page, document information and XMP with the given words.
pub(crate) fn pdf(words: &str) -> Vec<u8> {
    pdf_of(words, "")
}

/// The same with more entries in its root.
pub(crate) fn pdf_of(words: &str, root: &str) -> Vec<u8> {
    let text = "BT /F1 12 Tf 20 20 Td (Total cholesterol 180) Tj ET";
    format!(
        "%PDF-1.4\n%\u{e2}\u{e3}\n1 0 obj\n<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R{root}>>\nendobj\n\
         2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
         3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>\nendobj\n\
         4 0 obj\n<</Length {}>>\nstream\n{text}\nendstream\nendobj\n\
         5 0 obj\n<</Type/Metadata/Subtype/XML/Length {}>>\nstream\n{words}\nendstream\nendobj\n\
         6 0 obj\n<</Author({words})/Producer(Scanner)>>\nendobj\n\
         xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 7/Root 1 0 R/Info 6 0 R>>\nstartxref\n9\n%%EOF\n",
        text.len(),
        words.len(),
    )
    .into_bytes()
}

/// A DICOM file of some length, with the given preamble byte.
pub(crate) fn dicom(preamble: u8, length: usize) -> Vec<u8> {
    let mut file = vec![preamble; 128];
    file.extend_from_slice(b"DICM\x02\0\0\0UL\x04\0\xc0\0\0\0");
    file.extend((file.len()..length).map(|at| (at % 249) as u8));
    file
}

/// An archive with one stored entry.
pub(crate) fn zip() -> Vec<u8> {
    let entry = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a";
    let central = b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a";
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    end.extend_from_slice(&u32::try_from(central.len()).unwrap().to_le_bytes());
    end.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_le_bytes());
    end.extend_from_slice(&[0, 0]);
    [entry.as_slice(), central, &end].concat()
}
