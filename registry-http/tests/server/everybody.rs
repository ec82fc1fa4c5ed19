//! Who may do what with a repository in which state, over HTTP: everybody, every state, every route
//! and every method, and what each is answered.
//!
//! What is expected is written down in two tables: what everybody may ([`RIGHTS`]), and what each
//! route needs and answers where that is given ([`ROUTES`]). The rules that make one status and one
//! code of both are in [`expected`]. None of it asks the code that is tested.

mod expected;
mod people;
mod room;

use std::collections::HashMap;

use serde_json::Value;

use self::{
    expected::{Outcome, Rights, Route},
    people::People,
    room::{Room, Seen},
};
use super::support::Reply;

/// Everybody has what is public. Alice creates, claims, and does in what is hers everything. Bob
/// pushes and rita pulls everywhere, and dave has nothing; root does everything. Projects push in
/// their namespace, and runners pull.
const POLICY: &str = r#"
    rule = [
        { who = ["everybody"], repositories = ["**"], when = ["public"], actions = ["pull"] },
        { who = ["user:alice"], repositories = ["**"], when = ["new"], actions = ["push", "create"] },
        { who = ["user:alice"], repositories = ["**"], when = ["unclaimed"], actions = ["push", "claim"] },
        { who = ["user:*"], repositories = ["**"], when = ["owned"],
          actions = ["pull", "push", "overwrite", "delete"] },
        { who = ["user:bob"], repositories = ["**"], actions = ["pull", "push"] },
        { who = ["user:rita"], repositories = ["**"], actions = ["pull"] },
        { who = ["group:admins"], repositories = ["**"],
          actions = ["pull", "push", "create", "overwrite", "delete"] },
        { who = ["project:*"], repositories = ["{project}/**"],
          actions = ["pull", "push", "create", "overwrite"] },
        { who = ["runner:*"], repositories = ["**"], actions = ["pull"] },
        { who = ["authenticated"], actions = ["catalog"] },
    ]
"#;

/// What everybody may, of the registry and of a repository in each state: `private` and `public` are
/// alice's, `others` and `shared` are carol's, and the latter is public.
///
/// `i` be let in; `c` list the catalog; `t` get a token for what is shown in the header, `f` for what
/// is in a form; `m` mount from a public repository elsewhere, `s` from a private one of alice's, of
/// which no token was asked for. `p` pull; `w` push what is new; `n` make the repository; `o` move a
/// tag, where there is one; `d` delete.
///
/// `[…]` 401, since somebody might who logs in; `(…)` 401 `insufficient_scope`, since the token
/// does not carry it; `!` 401 whatever it is, since what is shown is wrong. Any other letter is 403.
const RIGHTS: &str = "
                             registry    absent  unclaimed  private  public  others  shared
    nobody                   t[icf]      [pwod]  [pwod]     [pwod]   p[wod]  [pwod]  p[wod]
    anonymous-token          i(c)[tf]    (pwod)  (pwod)     (pwod)   p(wod)  (pwod)  p(wod)
    alice                    ictfms      wn      w          pwod     pwod    -       p
    alice-key                ictfms      wn      w          pwod     pwod    -       p
    alice-token              icm(s)[tf]  wn(pd)  w(pd)      pwod     pwod    (pwod)  p(wod)
    alice-token-to-pull      i(cms)[tf]  (pwod)  (pwod)     p(wod)   p(wod)  (pwod)  p(wod)
    alice-token-to-push      i(cms)[tf]  wn(pd)  w(pd)      wo(pd)   wo(pd)  (pwod)  (pwod)
    alice-token-elsewhere    i(cms)[tf]  (pwod)  (pwod)     (pwod)   (pwod)  (pwod)  (pwod)
    bob                      ictfms      pw      pw         pw       pw      pw      pw
    rita                     ictfms      p       p          p        p       p       p
    dave                     ictfm       -       -          -        p       -       p
    dave-token               icm[tf]     (pwod)  (pwod)     (pwod)   p(wod)  (pwod)  p(wod)
    root                     ictfms      pwnd    pwod       pwod     pwod    pwod    pwod
    project-key              itf         pwn     pwo        pwo      pwo     pwo     pwo
    project-key-elsewhere    itf         -       -          -        -       -       -
    runner-token             itf         p       p          p        p       p       p
    runner-token-elsewhere   itf         -       -          -        -       -       -
    wrong-password           !           !       !          !        !       !       !
    unknown-user             !           !       !          !        !       !       !
    disabled-user            !           !       !          !        !       !       !
    revoked-key              !           !       !          !        !       !       !
    key-of-another           !           !       !          !        !       !       !
    forged-token             !           !       !          !        !       !       !
    unknown-scheme           !           !       !          !        !       !       !
";

/// What each method of a route needs, by a letter of [`RIGHTS`], and what it then is answered: 404
/// where there is no repository, and no right to make it for what would be pushed. `o`, `m` and `s`
/// need `w` too. Without that of the source `m` and `s` are 202, but `m`, which names it, is 401 with a
/// token that does not. `u` is `w`, of an upload of alice's, which is 404 for others; `l` is `p`, of a
/// list that is empty where there is no repository.
///
/// `-` is 405, as is every method that is not here, and `none` is 404 whatever the method is, both
/// whoever asks.
const ROUTES: &str = "
                                             GET   HEAD  POST  PATCH  PUT   DELETE
    /v2/                                     i200  i200  -     -      -     -
    /v2                                      i200  i200  -     -      -     -
    /v2/_catalog                             c200  c200  -     -      -     -
    /v2/_token                               t200  -     f200  -      -     -
    /v2/_jwks                                200   200   -     -      -     -
    /v2/<name>/tags/list                     p200  p200  -     -      -     -
    /v2/<name>/manifests/v1                  p200  p200  -     -      o201  d202
    /v2/<name>/manifests/new                 p404  p404  -     -      w201  d404
    /v2/<name>/manifests/<manifest>          p200  p200  -     -      w201  d202
    /v2/<name>/manifests/<new-manifest>      p404  p404  -     -      w201  d404
    /v2/<name>/manifests/<new-manifest>?tag=new
                                             p404  p404  -     -      w201  d404
    /v2/<name>/manifests/<new-manifest>?tag=v1
                                             p404  p404  -     -      o201  d404
    /v2/<name>/manifests/<new-manifest>?tag=new&tag=v1
                                             p404  p404  -     -      o201  d404
    /v2/<name>/referrers/<manifest>          l200  l200  -     -      -     -
    /v2/<name>/referrers/<new-manifest>      l200  l200  -     -      -     -
    /v2/<name>/blobs/<blob>                  p200  p200  -     -      -     d202
    /v2/<name>/blobs/<blob>[0-1]             p206  p200  -     -      -     d202
    /v2/<name>/blobs/<new-blob>              p404  p404  -     -      -     d404
    /v2/<name>/blobs/<new-blob>[0-1]         p404  p404  -     -      -     d404
    /v2/<name>/blobs/uploads/                -     -     w202  -      -     -
    /v2/<name>/blobs/uploads                 -     -     w202  -      -     -
    /v2/<name>/blobs/uploads/?digest=<new-blob>
                                             -     -     w201  -      -     -
    /v2/<name>/blobs/uploads/?mount=<base>&from=base
                                             -     -     m201  -      -     -
    /v2/<name>/blobs/uploads/?mount=<base>   -     -     w201  -      -     -
    /v2/<name>/blobs/uploads/?mount=<secret> -     -     s201  -      -     -
    /v2/<name>/blobs/uploads/?mount=<new-blob>
                                             -     -     w202  -      -     -
    /v2/<name>/blobs/uploads/<upload>?digest=<begun>
                                             u204  u204  -     u202   u201  u204
    /v2/<name>/blobs/uploads/<no-upload>?digest=<begun>
                                             w404  w404  -     w404   w404  w404
    /                                        none
    /v1/                                     none
    /v2/unknown                              none
    /v2/_unknown                             none
    /v2/<name>/unknown                       none
    /v2/<name>/tags                          none
    /v2/<name>/tags/list/                    none
";

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "BREW"];

/// Replies that must be the same to the last byte, by what of them may be told, and what was asked
/// first.
#[derive(Default)]
struct Alike(HashMap<String, (String, Seen)>);

impl Alike {
    fn check(&mut self, told: String, asked: &str, seen: Seen) {
        let (first, said) = self.0.entry(told).or_insert_with(|| (asked.to_owned(), seen.clone()));
        assert_eq!(seen, *said, "{asked} is told from {first}");
    }
}

#[tokio::test]
async fn everybody_in_every_state_with_every_method_of_every_route() {
    let (everybody, routes, people) =
        (Rights::read(RIGHTS), Route::read(ROUTES), People::new().await);
    let (mut room, mut alike, mut asked) = (Room::new(&people).await, Alike::default(), 0);
    let all = everybody.iter().flat_map(|rights| routes.iter().map(move |route| (rights, route)));
    for (rights, route) in all {
        // What is no repository's is asked for once.
        let states = if route.is_of_a_repository() { rights.repositories.len() } else { 1 };
        for &(state, may) in &rights.repositories[..states] {
            for method in METHODS {
                let expected = Outcome::of(rights, (state, may), route, method);
                let before = room.stored().await;
                let reply = room.ask(rights.who, state, route.path, method).await;
                let what = format!("{}, {state}: {method} {}", rights.who, route.path);
                assert_eq!(Outcome::seen(&reply), expected, "{what}: {:?}", reply.body);
                if route.path == "/v2/_catalog" && method == "GET" && expected.status == 200 {
                    assert_eq!(listed(&reply), rights.catalog(), "{what}");
                }
                // Whoever is refused learns nothing of what there is; and of what there never is
                // nobody learns anything of whoever asks.
                let told = match expected.status {
                    401 | 403 => format!("{} {method} {} {expected:?}", rights.who, route.family()),
                    _ if route.has(method) => String::new(),
                    _ => format!("{method} {}", route.path),
                };
                if !told.is_empty() {
                    alike.check(told, &what, Seen::of(&reply, state));
                }
                if expected.status >= 400 {
                    assert_eq!(room.stored().await, before, "{what}");
                } else if !matches!(method, "GET" | "HEAD") {
                    room = Room::new(&people).await;
                }
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 31_680, "each line of both tables, in each state, with each method");
}

fn listed(reply: &Reply) -> Vec<String> {
    let catalog: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let names = catalog["repositories"].as_array().expect("a list").iter();
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}
