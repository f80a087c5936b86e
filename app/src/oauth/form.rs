//! Bodies of forms, as OAuth has them (RFC 6749, 3.2): looked at by the handler, whose errors have a form of their own.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{AppError, BODY_TOO_SLOW, TOO_LARGE};
use crate::middleware::json::BodyRead;
use crate::middleware::limits::{self, BodyError};

/// The body of a request that may be a form.
pub struct Form {
    is_form: bool,
    body: Zeroizing<Vec<u8>>,
}

impl FromRequest for Form {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, Result<Form, AppError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let app =
                request.app_data::<web::Data<App>>().ok_or_else(|| AppError::internal("app.missing"))?;
            let body = limits::read(&mut payload, app.bodies).await.map_err(|error| match error {
                BodyError::TooLarge => AppError::from(TOO_LARGE),
                BodyError::TooSlow => BODY_TOO_SLOW.into(),
                BodyError::Broken => AppError::invalid_field("", "body_broken"),
            })?;
            request.extensions_mut().insert(BodyRead);
            Ok(Form { is_form: is_form(request.headers()), body })
        })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE);
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let text = first.to_str().unwrap_or_default();
    let essence = text.split_once(';').map_or(text, |(essence, _)| essence).trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && !headers.contains_key(CONTENT_ENCODING)
}

impl Form {
    /// What the form says. Parameters that are not known are passed over; one that is known and there twice makes it no form.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = std::str::from_utf8(&self.body).ok().filter(|_| self.is_form)?;
        web::Query::<T>::from_query(text).ok().map(web::Query::into_inner)
    }
}
