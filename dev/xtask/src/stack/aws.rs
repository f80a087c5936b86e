//! Makes a region's key and bucket in its local AWS, once, before the server starts for good.
use std::net::SocketAddr;

use localaws::{BucketOptions, Config, Server};

use crate::fail::{Attempt, Outcome};
use crate::layout::LocalRegion;
use crate::places::{make_dir, write_private};
use crate::stack::{Stack, configs};

/// Opens the region's folder on ports of its own, makes what is missing, and remembers the key's name.
pub(crate) fn make_key_and_bucket(stack: &Stack, region: &LocalRegion) -> Outcome<()> {
    let dir = stack.home.data(region.code).join("aws");
    make_dir(&dir)?;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config {
        region: region.name.to_owned(),
        dir,
        s3_listen: any_port,
        kms_listen: any_port,
        tls: None,
        account: localaws::ACCOUNT.to_owned(),
    };
    let doing = || format!("make the local key and bucket of {}", region.name);
    let server = Server::start(config).attempt(doing)?;
    let key = server.ensure_key_alias("alias/domicile").attempt(doing)?;
    server.ensure_bucket(&configs::bucket(region), BucketOptions::default()).attempt(doing)?;
    write_private(&configs::key_arn_file(stack, region), key.arn.as_bytes())
}
