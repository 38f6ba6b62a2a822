//! Names that lead elsewhere: what a resolver of our own says is looked at as a whole, asked once for each connection, and
//! what was looked at is what is connected to.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faena::egress::caller::{body_within, refusal};
use faena::egress::{Caller, Lookup, Policy, Refused, Target};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use reqwest::{Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::entries;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// A public one. No test connects to it.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// A resolver that gives these answers, one after the other, and then the last one for ever.
#[derive(Clone)]
struct Answers(Arc<Mutex<VecDeque<Vec<IpAddr>>>>, Arc<AtomicUsize>);

impl Answers {
    fn new(answers: &[&[IpAddr]]) -> Self {
        Self(Arc::new(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())), Arc::default())
    }

    fn asked(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl Lookup for Answers {
    fn addresses(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

/// A server on loopback that answers everybody, closes each connection, and counts them.
async fn server(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 2_048];
            _ = stream.read(&mut head).await;
            _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, connections)
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

async fn get(caller: &Caller, url: &str) -> Result<Response, Refused> {
    let request = caller.request(Method::GET, &Target::parse(url).unwrap())?;
    request.send().await.map_err(|error| refusal(&error).unwrap_or_else(|| panic!("{error:?}")).clone())
}

#[tokio::test]
async fn a_name_that_leads_here_is_refused_whatever_else_it_leads_to() {
    let (address, connections) = server(FINE).await;
    for answer in [&[LOOPBACK][..], &[PUBLIC, LOOPBACK], &[LOOPBACK, PUBLIC], &[PUBLIC, METADATA, PUBLIC]] {
        let names = Answers::new(&[answer]);
        let caller = Caller::looking_up(Policy::public_and("webhook_allow", []), names.clone());
        let refused = get(&caller, &format!("http://rebind.example:{}/", address.port())).await.unwrap_err();
        assert!(matches!(refused, Refused::NotPublic { .. }), "{answer:?}: {refused}");
        assert!(refused.to_string().contains("webhook_allow"), "{refused}");
        assert_eq!(names.asked(), 1);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_connection_is_looked_at_anew() {
    let (address, connections) = server(FINE).await;
    let url = format!("http://rebind.example:{}/", address.port());
    let vouched = entries(&[&format!("rebind.example:{}", address.port())]);
    let names = Answers::new(&[&[LOOPBACK], &[METADATA], &[LOOPBACK, METADATA], &[LOOPBACK]]);
    let caller = Caller::looking_up(Policy::public_and("webhook_allow", vouched), names.clone());
    // The list vouches for the place, so it may be here; asked once, and connected to what was said then.
    assert_eq!(get(&caller, &url).await.unwrap().text().await.unwrap(), "ok");
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (1, 1));
    // The second and third time the name leads to where no name may, though the first answer was fine.
    for asked in [2, 3] {
        let refused = get(&caller, &url).await.unwrap_err();
        assert!(matches!(refused, Refused::Metadata { .. }), "{refused}");
        assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (asked, 1));
    }
    assert_eq!(get(&caller, &url).await.unwrap().status(), 200);
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (4, 2));
}

#[tokio::test]
async fn a_resolver_that_says_public_first_and_loopback_then_gains_nothing() {
    let (address, connections) = server(FINE).await;
    let url = format!("http://rebind.example:{}/", address.port());
    // Whoever looked first and let the client look again would be told the second answer, and connect to it.
    let names = Answers::new(&[&[PUBLIC], &[LOOPBACK]]);
    let caller = Caller::looking_up(Policy::public_and("webhook_allow", []), names.clone());
    assert!(caller.policy().permit(&Target::parse(&url).unwrap()).is_ok());
    assert_eq!(names.asked(), 0, "a policy looks up nothing");
    let looked_up = names.addresses("rebind.example".to_owned()).await.unwrap();
    assert_eq!(caller.policy().check("rebind.example", faena::egress::Permit::Public, &looked_up), Ok(()));
    let refused = get(&caller, &url).await.unwrap_err();
    assert!(matches!(refused, Refused::NotPublic { .. }), "{refused}");
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (2, 0));
}

#[tokio::test]
async fn a_bare_name_of_a_list_does_not_vouch_for_where_it_leads() {
    let names = Answers::new(&[&[LOOPBACK]]);
    let caller = Caller::looking_up(Policy::named_only("http_allow", entries(&["api.example.com"])), names);
    let refused = get(&caller, "http://api.example.com/").await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "`api.example.com` leads to 127.0.0.1, which is loopback; to permit that, name it with its port as \
         `api.example.com:PORT` in http_allow"
    );
}

#[tokio::test]
async fn an_address_in_a_url_is_checked_without_a_resolver() {
    let (address, connections) = server(FINE).await;
    let names = Answers::new(&[&[PUBLIC]]);
    let caller = Caller::looking_up(Policy::public_and("webhook_allow", []), names.clone());
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"] {
        let refused = get(&caller, &format!("http://{host}:{}/", address.port())).await.unwrap_err();
        assert!(matches!(refused, Refused::NotPublic { .. }), "{host}: {refused}");
    }
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (0, 0));
    let vouched = Policy::public_and("webhook_allow", entries(&[&address.to_string()]));
    let caller = Caller::looking_up(vouched, names.clone());
    assert_eq!(get(&caller, &format!("http://{address}/")).await.unwrap().status(), 200);
    assert_eq!((names.asked(), connections.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_a_long_body_is_cut() {
    let there = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 9\r\nconnection: close\r\n\r\nelsewhere";
    let (address, connections) = server(there).await;
    let caller = Caller::new(Policy::public_and("webhook_allow", entries(&[&address.to_string()])));
    let mut response = get(&caller, &format!("http://{address}/")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(body_within(&mut response, 4).await.unwrap(), (b"else".to_vec(), true));
    let mut response = get(&caller, &format!("http://{address}/")).await.unwrap();
    assert_eq!(body_within(&mut response, 9).await.unwrap(), (b"elsewhere".to_vec(), false));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_without_addresses_is_no_refusal() {
    let caller = Caller::looking_up(Policy::public_and("webhook_allow", []), Answers::new(&[&[]]));
    let request = caller.request(Method::GET, &Target::parse("http://nobody.example/").unwrap()).unwrap();
    let error = request.send().await.unwrap_err();
    assert!(error.is_connect() && refusal(&error).is_none(), "{error:?}");
}
