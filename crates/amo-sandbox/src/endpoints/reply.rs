//! Responses: status, content type, body; the shapes of errors. No rules.

use serde_json::{Value, json};

use crate::check::RefusedItem;
use crate::world::Commit;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Hal,
    Problem,
    Html,
    Json,
    Text,
    None,
}

impl Media {
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            Media::Hal => Some("application/hal+json"),
            Media::Problem => Some("application/problem+json"),
            Media::Html => Some("text/html"),
            Media::Json => Some("application/json"),
            Media::Text => Some("text/plain; charset=utf-8"),
            Media::None => None,
        }
    }
}

/// A response and its commit.
#[derive(Debug)]
pub struct ApiResponse {
    pub status: u16,
    pub media: Media,
    pub body: String,
    pub retry_after: Option<u64>,
    pub commit: Commit,
    /// Items of the body, for the log.
    pub items: usize,
}

impl ApiResponse {
    fn new(status: u16, media: Media, body: String) -> ApiResponse {
        ApiResponse { status, media, body, retry_after: None, commit: Commit::default(), items: 0 }
    }

    pub fn hal(status: u16, body: &Value) -> ApiResponse {
        ApiResponse::new(status, Media::Hal, body.to_string())
    }

    pub fn ok(body: &Value) -> ApiResponse {
        ApiResponse::hal(200, body)
    }

    pub fn json(status: u16, body: &Value) -> ApiResponse {
        ApiResponse::new(status, Media::Json, body.to_string())
    }

    pub fn text(status: u16, text: &str) -> ApiResponse {
        ApiResponse::new(status, Media::Text, text.to_owned())
    }

    /// An empty list or an unknown id. [seed]
    pub fn no_content() -> ApiResponse {
        ApiResponse::status_only(204)
    }

    /// A response without a body.
    pub fn status_only(status: u16) -> ApiResponse {
        ApiResponse::new(status, Media::None, String::new())
    }

    pub fn html(status: u16) -> ApiResponse {
        let title = format!("{status} {}", reason(status));
        // The gateway's own page. [client]
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        ApiResponse::new(status, Media::Html, body)
    }

    /// The login page of a proxy before the service.
    pub fn login_page() -> ApiResponse {
        const BODY: &str = "<!DOCTYPE html>\n<html><head><title>Вход</title></head><body><form method=\"post\" action=\"/login\"><input name=\"login\"><input name=\"password\" type=\"password\"></form></body></html>\n";
        ApiResponse::new(200, Media::Html, BODY.to_owned())
    }

    /// problem+json without validation errors. [doc]
    pub fn problem(status: u16, detail: &str) -> ApiResponse {
        let body = json!({
            "title": reason(status), "type": format!("https://httpstatus.es/{status}"), "status": status,
            "detail": detail
        });
        ApiResponse::new(status, Media::Problem, body.to_string())
    }

    pub fn validation(refused: &[RefusedItem]) -> ApiResponse {
        let body = json!({
            "validation-errors": RefusedItem::all_to_json(refused), "title": reason(400),
            "type": "https://httpstatus.es/400", "status": 400, "detail": "Request validation failed"
        });
        ApiResponse::new(400, Media::Problem, body.to_string())
    }

    pub fn with_commit(mut self, commit: Commit) -> ApiResponse {
        self.commit = commit;
        self
    }

    pub fn with_items(mut self, items: usize) -> ApiResponse {
        self.items = items;
        self
    }
}

pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
