//! What the store knows, in memory and on disk; every change is one atomic file replacement.
//!
//! `<bucket>/bucket.json`, `<bucket>/keys/<SHA-256 of the key>.json`, `<bucket>/uploads/<id>.json`, `<bucket>/blobs/<name>`.
//! Blobs are written before the JSON file that names them; a blob that nothing names is removed at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::de::DeserializeOwned;

use super::model::{BlobRef, Bucket, BucketOptions, Object, Upload, Version, Versioning};
use super::refuse;
use crate::clock::Clock;
use crate::kms::Kms;
use crate::{Config, files};

/// The store of one region.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) region: String,
    pub(super) clock: Clock,
    pub(super) kms: Arc<Kms>,
    dir: PathBuf,
    buckets: Mutex<BTreeMap<String, BucketState>>,
}

/// A bucket with everything in it.
#[derive(Debug)]
pub(super) struct BucketState {
    pub(super) dir: PathBuf,
    pub(super) meta: Bucket,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

impl Store {
    /// Loads every bucket in `dir/s3` and removes what a killed process left behind.
    pub(super) fn open(config: &Config, clock: Clock, kms: Arc<Kms>) -> io::Result<Self> {
        let dir = config.dir.join("s3");
        fs::create_dir_all(&dir)?;
        let mut buckets = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            // A folder without this file is a bucket whose creation was cut short: it does not exist yet.
            if path.join("bucket.json").exists() {
                let state = BucketState::load(path)?;
                buckets.insert(state.meta.name.clone(), state);
            }
        }
        Ok(Self { region: config.region.clone(), clock, kms, dir, buckets: Mutex::new(buckets) })
    }

    /// Runs one operation on a bucket of this region; another region's gets its redirect.
    pub(super) fn with<T>(
        &self,
        name: &str,
        run: impl FnOnce(&mut BucketState) -> S3Result<T>,
    ) -> S3Result<T> {
        self.with_any_region(name, |state| {
            if state.meta.region != self.region {
                return Err(refuse::other_region(name, &state.meta.region));
            }
            run(state)
        })
    }

    /// Runs one operation on a bucket wherever it is; for `GetBucketLocation` only.
    pub(super) fn with_any_region<T>(
        &self,
        name: &str,
        run: impl FnOnce(&mut BucketState) -> S3Result<T>,
    ) -> S3Result<T> {
        let no_such =
            || S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist");
        tokio::task::block_in_place(|| run(self.buckets.lock().get_mut(name).ok_or_else(no_such)?))
    }

    /// Makes a bucket; the outcome says whether it was there already.
    pub(super) fn create(&self, name: &str, options: &BucketOptions) -> io::Result<Created> {
        if !s3s::path::check_bucket_name(name) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is not a bucket name")));
        }
        let region = options.region.clone().unwrap_or_else(|| self.region.clone());
        let versioning =
            if options.versioning || options.object_lock { Versioning::Enabled } else { Versioning::Off };
        let mut buckets = self.buckets.lock();
        if let Some(old) = buckets.get(name) {
            let same = old.meta.region == region && old.meta.object_lock == options.object_lock;
            return Ok(if same { Created::WasThere } else { Created::WasOther });
        }
        let dir = self.dir.join(name);
        for folder in ["keys", "blobs", "uploads"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        let created_ms = self.clock.now_ms();
        let object_lock = options.object_lock;
        let meta = Bucket {
            name: name.to_owned(),
            region,
            created_ms,
            versioning,
            object_lock,
            default_retention: None,
        };
        files::write_json(&dir.join("bucket.json"), &meta)?;
        let state = BucketState { dir, meta, objects: BTreeMap::new(), uploads: BTreeMap::new() };
        buckets.insert(name.to_owned(), state);
        Ok(Created::New)
    }
}

/// What became of a request to make a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    New,
    WasThere,
    WasOther,
}

impl BucketState {
    /// The folder that holds the bytes.
    pub(super) fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// Replaces the bucket's settings.
    pub(super) fn save_meta(&mut self, meta: Bucket) -> S3Result<()> {
        files::write_json(&self.dir.join("bucket.json"), &meta).map_err(refuse::disk)?;
        self.meta = meta;
        Ok(())
    }

    /// Replaces all versions of a key, or forgets the key when there are none, and then removes blobs that are free now.
    pub(super) fn save_object(&mut self, object: Object) -> S3Result<()> {
        let path = self.dir.join("keys").join(format!("{}.json", file_name(&object.key)));
        if object.versions.is_empty() {
            files::remove_if_there(&path).map_err(refuse::disk)?;
        } else {
            files::write_json(&path, &object).map_err(refuse::disk)?;
        }
        let kept: BTreeSet<String> = blobs_of(&object).map(|b| b.name.clone()).collect();
        let old = self.objects.remove(&object.key);
        if !object.versions.is_empty() {
            self.objects.insert(object.key.clone(), object);
        }
        if let Some(old) = old {
            self.remove_blobs(blobs_of(&old).filter(|b| !kept.contains(&b.name)));
        }
        Ok(())
    }

    /// Writes an upload.
    pub(super) fn save_upload(&mut self, upload: Upload) -> S3Result<()> {
        files::write_json(&self.upload_path(&upload.id), &upload).map_err(refuse::disk)?;
        self.uploads.insert(upload.id.clone(), upload);
        Ok(())
    }

    /// Forgets an upload; the caller decides what becomes of its blobs.
    pub(super) fn remove_upload(&mut self, id: &str) -> S3Result<()> {
        files::remove_if_there(&self.upload_path(id)).map_err(refuse::disk)?;
        self.uploads.remove(id);
        Ok(())
    }

    /// Removes blobs that nothing names any more; one that cannot be removed now is removed at the next start.
    pub(super) fn remove_blobs<'a>(&self, blobs: impl Iterator<Item = &'a BlobRef>) {
        for blob in blobs {
            let _ = files::remove_if_there(&self.blobs_dir().join(&blob.name));
        }
    }

    /// All versions of a key, none when there is no such key.
    pub(super) fn versions(&self, key: &str) -> &[Version] {
        self.objects.get(key).map_or(&[], |object| object.versions.as_slice())
    }

    fn upload_path(&self, id: &str) -> PathBuf {
        self.dir.join("uploads").join(format!("{id}.json"))
    }

    fn load(dir: PathBuf) -> io::Result<Self> {
        let meta: Bucket = files::read_json(&dir.join("bucket.json"))?;
        let objects: Vec<Object> = load_folder(&dir.join("keys"))?;
        let uploads: Vec<Upload> = load_folder(&dir.join("uploads"))?;
        let mut state = Self {
            meta,
            objects: objects.into_iter().map(|o| (o.key.clone(), o)).collect(),
            uploads: uploads.into_iter().map(|u| (u.id.clone(), u)).collect(),
            dir,
        };
        state.finish_interrupted()?;
        Ok(state)
    }

    /// Completes what a killed process had begun: completed uploads are forgotten, free blobs removed.
    fn finish_interrupted(&mut self) -> io::Result<()> {
        let contents = self.objects.values().flat_map(|o| &o.versions).filter_map(|v| v.content.as_ref());
        let completed: BTreeSet<String> = contents.filter_map(|c| c.upload_id.clone()).collect();
        for id in completed {
            if self.uploads.remove(&id).is_some() {
                files::remove_if_there(&self.upload_path(&id))?;
            }
        }
        let of_objects = self.objects.values().flat_map(blobs_of).map(|b| b.name.as_str());
        let of_uploads = self.uploads.values().flat_map(|u| u.parts.values()).map(|p| p.blob.name.as_str());
        let named: BTreeSet<&str> = of_objects.chain(of_uploads).collect();
        for entry in fs::read_dir(self.blobs_dir())? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
                files::remove_if_there(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn blobs_of(object: &Object) -> impl Iterator<Item = &BlobRef> {
    object.versions.iter().filter_map(|v| v.content.as_ref()).flat_map(|c| &c.blobs)
}

fn load_folder<T: DeserializeOwned>(dir: &Path) -> io::Result<Vec<T>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "json") {
            out.push(files::read_json(&path)?);
        } else {
            files::remove_if_there(&path)?;
        }
    }
    Ok(out)
}

fn file_name(key: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, key.as_bytes()).as_ref())
}
