use super::ProblemClass::Warning;
use super::{ProblemArea, error, note, warning};

pub(super) const AREA: ProblemArea = ProblemArea {
    title: "Accounts, tokens and the service",
    met_in: "every command that speaks to an account",
    codes: &[
        error(
            "account-address",
            "what names the account is not the address of one, or not the name of one host",
            "give `--account https://NAME.amocrm.ru`, or the name of an account from a config file",
        ),
        error(
            "account-file",
            "the snapshot of an account cannot be read or written, or does not hold what the mapping asks for",
            "make it with `amoport account pull -o FILE`, or check against the account itself",
        )
        .in_commands("account pull, check, sandbox"),
        note(
            "account-gap",
            "a part of the account cannot be read, so names of it are not known",
            "use the token of a user who may read it, if the mapping uses such names",
        ),
        note(
            "account-kept",
            "the check uses lists of the account that were read at most ten minutes ago; at the first problem it compares them with the account",
            "nothing; an import reads them again",
        )
        .in_commands("check"),
        note(
            "account-not-asked",
            "the check uses a snapshot and does not know what has changed in the account since",
            "check against the account itself before the import",
        )
        .in_commands("check"),
        error(
            "certificates",
            "the file that `SSL_CERT_FILE` names is missing or holds no certificate",
            "name a file of certificates, or take the variable away",
        ),
        error(
            "client",
            "the HTTP client cannot be made",
            "check the proxy and certificate variables of the environment",
        ),
        error(
            "config",
            "a config file has a fault, lacks an account, or cannot be written",
            "correct the file at the place that the message names",
        ),
        error(
            "customers-mode",
            "customers are off in this account, or in another mode than the kind or the field needs",
            "leave the field out, or change the mode with `amoport account customers-mode`, which holds for everybody",
        )
        .in_commands("import, check, export"),
        note(
            "halted-before",
            "the service had blocked this account or had asked to slow down; one request is tried before any other",
            "wait; if it is blocked again, look for other programs that use the account",
        ),
        error(
            "host-not-allowed",
            "a file of the working folder names a host to which nobody has allowed a token to go",
            "allow it with `amoport auth allow HOST`, or give the address with `--account`",
        ),
        error(
            "no-account",
            "no account is given, or two are, or a snapshot where the account itself is needed",
            "add `--account https://NAME.amocrm.ru`, or `--sandbox` to try it out",
        ),
        error(
            "no-client-secret",
            "the secret of the integration is missing or cannot be used",
            "name its file with `client-secret-file`, or put it into `AMOPORT_CLIENT_SECRET`",
        ),
        error(
            "no-code",
            "the authorization code is missing or cannot be used",
            "take the part after `code=` of the address to which the consent page leads; it lives for 20 minutes",
        )
        .in_commands("auth login"),
        error(
            "no-home",
            "there is no home folder in which the user's own config could be",
            "set `HOME` or `XDG_CONFIG_HOME`",
        )
        .in_commands("auth allow"),
        error(
            "no-integration",
            "the account in the config names no integration to log in with",
            "add `client-id`, `client-secret-file`, `redirect-uri` and `token-store` to it",
        )
        .in_commands("auth login"),
        error(
            "no-token",
            "there is no token for the account, or its file cannot be used",
            "name a file with `--token-file`, set `AMOPORT_TOKEN`, or log in with `amoport auth login`",
        ),
        warning(
            "open-token-file",
            "other users of this machine can read the file with the token",
            "make it your own alone: `chmod 600 FILE`",
        ),
        note(
            "pace-not-shared",
            "the pace cannot be shared with other amoport processes of this machine",
            "run one at a time, or make the user's state folder writable",
        )
        .or(Warning),
        error(
            "secret-elsewhere",
            "a config file of the working folder names a secret that does not lie in that folder",
            "move the account to your own config, or name the file with `--token-file`",
        ),
        error(
            "service",
            "the service cannot be reached, refuses the token, asks to wait too long, or answers what cannot be read",
            "do what the message says, then give the same command again or `amoport resume`",
        ),
        error(
            "tariff",
            "the account's tariff does not have what is asked for",
            "change the tariff in the CRM and try again",
        )
        .in_commands("account customers-mode"),
        error(
            "token-command",
            "a config file of the working folder names a command, which only the user's own config may",
            "move the account to your own config",
        ),
        warning(
            "token-not-admin",
            "the token's user may not see all records, so a record whose answer was lost may stay unknown",
            "use the token of an administrator",
        )
        .in_commands("import, resume"),
        error(
            "untrusted-folder",
            "a config or a state folder belongs to somebody else, or others may change it",
            "take their right to write away, or make it yours, as the message says",
        ),
    ],
};
