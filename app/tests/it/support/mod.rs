//! What the tests of a clinic's API share: a world with a running backend, and actors in it.

mod ask;
mod documents;
mod grants;
mod journal;
pub(crate) mod oauth;
mod process;
mod samples;
mod world;

pub(crate) use ask::Answer;
pub(crate) use documents::{Sample, dicom, jpeg, pdf, pdf_of, png, tiff, tiff_of, zip};
pub(crate) use journal::{keep_log, log_lines};
pub(crate) use process::{Backend, regional_part};
pub(crate) use samples::{
    ACCOUNT, CLIENT, CORRECTION, PROXY, SITE, in_days, nominee, patient, sample_body, sample_path,
};
pub(crate) use world::{Actor, Clinic, Options, World};
