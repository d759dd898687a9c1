//! Checkpoint storage in memory that can be watched, stopped and damaged.

use std::{
    fmt::{self, Display, Formatter},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use futures::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart, memory::InMemory, path::Path,
};
use parking_lot::{Condvar, Mutex};

/// What went through the storage at once, in bytes, at the most.
#[derive(Debug, Default)]
pub struct Traffic {
    pub largest_read: AtomicU64,
    pub largest_write: AtomicU64,
    pub read: AtomicU64,
    pub written: AtomicU64,
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Traffic {
    /// Writes wait from now on, or go on.
    pub fn shut(&self, shut: bool) {
        *self.shut.lock() = shut;
        self.opened.notify_all();
    }

    fn write(&self, payload: &PutPayload) {
        let mut shut = self.shut.lock();
        while *shut {
            self.opened.wait(&mut shut);
        }
        let bytes = payload.content_length() as u64;
        self.largest_write.fetch_max(bytes, SeqCst);
        self.written.fetch_add(bytes, SeqCst);
    }
}

/// The storage; clones share what it holds.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    pub objects: Arc<InMemory>,
    pub traffic: Arc<Traffic>,
}

impl Storage {
    /// Flips a bit in the middle of each object below a folder; how many there were.
    pub fn damage(&self, folder: &str) -> usize {
        futures::executor::block_on(async {
            let found = self.objects.list_with_delimiter(Some(&Path::from(folder))).await.unwrap().objects;
            for object in &found {
                let mut bytes = self.objects.get(&object.location).await.unwrap().bytes().await.unwrap().to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                self.objects.put(&object.location, bytes.into()).await.unwrap();
            }
            found.len()
        })
    }
}

impl Display for Storage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("watched storage")
    }
}

#[derive(Debug)]
struct Upload {
    upload: Box<dyn MultipartUpload>,
    traffic: Arc<Traffic>,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.traffic.write(&data);
        self.upload.put_part(data)
    }
    async fn complete(&mut self) -> Result<PutResult> {
        self.upload.complete().await
    }
    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[async_trait::async_trait]
impl ObjectStore for Storage {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.traffic.write(&payload);
        self.objects.put_opts(location, payload, opts).await
    }
    async fn put_multipart_opts(&self, at: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.objects.put_multipart_opts(at, opts).await?;
        Ok(Box::new(Upload { upload, traffic: self.traffic.clone() }))
    }
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(GetRange::Bounded(range)) = &options.range {
            self.traffic.largest_read.fetch_max(range.end - range.start, SeqCst);
            self.traffic.read.fetch_add(range.end - range.start, SeqCst);
        }
        self.objects.get_opts(location, options).await
    }
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
