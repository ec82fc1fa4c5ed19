//! Our own server, in this process.

use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use registry_adapters::{
    filesystem::{Durability, Filesystem, Options},
    jwt::{JsonWebTokens, KeyRing},
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom, TokioTasks},
};
use registry_core::{
    access::Action,
    identity::Principal,
    policy::{AllowAll, Anonymous, AnonymousAccess},
    ports::{Authorizer, AuthorizerError, ContentStore, Decision, Question, RecordStore},
    registry::{References, Registry},
};
use registry_http::{RegistryService, ServerOptions, TokenService, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    client::Protocol,
    failure::Outcome,
    login::Login,
    target::{Server, Setting},
    url::Base,
    users::OneUser,
};

/// One way to run our server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    store: Store,
    protocol: Protocol,
    base_path: &'static str,
    challenge: Option<Scheme>,
}

/// How our server asks who there is; without one it does not.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug)]
enum Store {
    Memory,
    Filesystem,
}

const PLAIN: Variant = Variant {
    name: "memory",
    store: Store::Memory,
    protocol: Protocol::Http1,
    base_path: "",
    challenge: None,
};

/// The ways in which the suite runs it.
pub(crate) const VARIANTS: [Variant; 6] = [
    PLAIN,
    Variant { name: "filesystem", store: Store::Filesystem, ..PLAIN },
    Variant { name: "http2", protocol: Protocol::Http2, ..PLAIN },
    Variant { name: "base_path", base_path: "/below/a.path", ..PLAIN },
    Variant { name: "basic", challenge: Some(Scheme::Basic), ..PLAIN },
    Variant { name: "bearer", challenge: Some(Scheme::Bearer), ..PLAIN },
];

/// Starts a server on a store of its own, which lives until the process ends.
pub(crate) async fn start(variant: Variant, setting: Setting) -> Outcome<Server> {
    let (clock, random) = (SystemClock::new(), SystemRandom);
    let stores = variant.store.open()?;
    let authorizer: Arc<dyn Authorizer> = match setting {
        Setting::Strict | Setting::Sparse => Arc::new(AllowAll),
        Setting::NoDeletes => Arc::new(NoDeletes),
    };
    let references = match setting {
        Setting::Strict | Setting::NoDeletes => References::Strict,
        Setting::Sparse => References::Sparse,
    };
    // Whoever does not log in comes nowhere where the server asks who there is.
    let anonymous = match variant.challenge {
        Some(_) => AnonymousAccess::None,
        None => AnonymousAccess::All,
    };
    let authorizer = Anonymous::new(anonymous, authorizer);
    let registry = Registry::builder(stores.contents, stores.records, authorizer, clock, random)
        .tasks(TokioTasks::current())
        .references(references)
        .build();
    let service = RegistryService::builder(registry, clock, random);
    let service = service.base_path(variant.base_path.parse()?);
    let service = match variant.challenge {
        None => service,
        Some(Scheme::Basic) => service.authenticator(&"wire".parse()?, OneUser),
        Some(Scheme::Bearer) => {
            let keys = KeyRing::in_memory(clock, random)?;
            let tokens = Arc::new(JsonWebTokens::new("wire", "wire", keys, clock, random));
            service.tokens(TokenService::new("wire".parse()?, tokens.clone(), tokens, OneUser))
        }
    };
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let authority = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        serve(listener, service, ServerOptions::default(), pending()).await;
        drop(stores.directory);
    });
    let base = Base { authority, prefix: variant.base_path.to_owned() };
    let login = variant.challenge.map(|scheme| Login {
        password: OneUser::password(),
        takes_tokens: matches!(scheme, Scheme::Bearer),
    });
    Ok(Server { base, protocol: variant.protocol, login })
}

/// Both storage ports, and the directory that goes with them.
struct Stores {
    contents: Arc<dyn ContentStore>,
    records: Arc<dyn RecordStore>,
    directory: Option<TempDir>,
}

impl Store {
    fn open(self) -> Outcome<Stores> {
        Ok(match self {
            Self::Memory => Stores {
                contents: Arc::new(MemoryContents::default()),
                records: Arc::new(MemoryRecords::default()),
                directory: None,
            },
            Self::Filesystem => {
                let directory = tempfile::tempdir()?;
                let options = Options::new(Durability::PowerSafe);
                let store = Filesystem::open(directory.path(), options)?;
                Stores {
                    contents: Arc::new(store.contents()),
                    records: Arc::new(store.records()),
                    directory: Some(directory),
                }
            }
        })
    }
}

/// Everybody may do everything but delete, which the registry does not offer.
#[derive(Debug)]
struct NoDeletes;

#[async_trait]
impl Authorizer for NoDeletes {
    async fn authorize(
        &self,
        _: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let decide = |question: &Question| match question.access.action {
            Action::Delete => Decision::unsupported("nothing can be deleted here"),
            _ => Decision::allow("everything else can be done"),
        };
        Ok(questions.iter().map(decide).collect())
    }
}
