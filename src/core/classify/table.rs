//! The built-in patterns: what the log lines of well-known clients, servers and breakers say. Never a bare word
//! that prose could hold: `root cause: auth` in a line proves nothing.
//!
//! Read from top to bottom; within a tier the first that matches wins, so what is more specific stands higher.
//! All are matched without regard to case (`(?-i:…)` takes that back) and with ASCII classes.

use crate::core::cause::Cause;

/// What it means when a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Harmless, whatever else the line holds: what our own clients do to us, or a client that paces itself.
    Harmless,
    /// A breaker's own words: no vote.
    Echo,
    /// Nearly always a breaker's own overflow; a rate limit only where a status beside it says so.
    Overflow,
    /// A gateway's passive health check speaks: the cause lies in earlier lines, and if there are none, here.
    EchoOf(Cause),
    /// Proof of a cause, stronger than the status beside it.
    Is(Cause),
    /// Rate limited because a quota or balance is used up: waiting does not help.
    Quota,
    /// Counts only where the line has no telling status.
    Likely(Cause),
}

pub(super) const TABLE: &[(Says, &[&str])] = &[
    (Says::Harmless, HARMLESS),
    (Says::Echo, ECHO),
    (Says::EchoOf(Cause::Upstream5xx), NO_PEER),
    (Says::Is(Cause::Resource), RESOURCE_FIRST),
    (Says::Is(Cause::ClientBug), CLIENT_BUG_FIRST),
    (Says::Is(Cause::Database), DATABASE),
    (Says::Quota, QUOTA),
    (Says::Is(Cause::RateLimited), RATE_LIMITED),
    (Says::Is(Cause::Auth), AUTH),
    (Says::Is(Cause::Tls), TLS),
    (Says::Is(Cause::Resource), RESOURCE),
    (Says::Is(Cause::Network), NETWORK),
    (Says::Is(Cause::Timeout), TIMEOUT),
    (Says::Is(Cause::Upstream5xx), UPSTREAM),
    (Says::Is(Cause::ClientBug), CLIENT_BUG),
    (Says::Overflow, OVERFLOW),
    (Says::Likely(Cause::RateLimited), LIKELY_RATE),
    (Says::Likely(Cause::Auth), LIKELY_AUTH),
    (Says::Likely(Cause::Upstream5xx), LIKELY_UPSTREAM),
    (Says::Likely(Cause::ClientBug), LIKELY_CLIENT_BUG),
];

const HARMLESS: &[&str] = &[
    // Our own clients fail at our door.
    r"while SSL handshaking, client:",
    r"http: TLS handshake error from ",
    r"could not accept SSL connection",
    r"\[Note\] (?:Aborted connection|Access denied)",
    r"Aborted connection \d+ to db",
    r"sshd\[\d+\]: ",
    r"pam_unix\(",
    r"limiting (?:requests|connections)(?:, dry run)?(?:, excess:| by zone)",
    r"client (?:prematurely )?closed (?:keepalive )?connection",
    r"(?:answered|returned|sent|responded with) \d{3} to \b",
    r"\d:\d{1,5} - \x22[A-Z]{3,7} [^\x22\n]*HTTP/[\d.]+\x22 \d{3}",
    // A client that throttles itself says nothing of the other side.
    r"client-side throttling",
];

const ECHO: &[&str] = &[
    // resilience4j, SmallRye, failsafe
    r"CallNotPermittedException",
    r"(?:OPEN|HALF_OPEN)'? and does not permit further calls",
    r"is full and does not permit further calls",
    r"Event (?:STATE_TRANSITION|NOT_PERMITTED|FAILURE_RATE_EXCEEDED|SLOW_CALL_RATE_EXCEEDED|SUCCESS|RESET|IGNORED_ERROR|DISABLED|FORCED_OPEN) published",
    r"recorded a call which was not permitted",
    r"exceeded (?:failure|slow call) rate threshold",
    r"CircuitBreakerOpenException",
    // Hystrix, hystrix-go
    r"Hystrix circuit",
    r"hystrix: (?:circuit open|max concurrency)",
    r"hystrix-go: (?:opening|closing) circuit",
    r"allowing single test to possibly close circuit",
    r"short-circuited and is OPEN",
    // opossum, cockatiel
    r"\bBreaker is open\b",
    r"EOPENBREAKER|ESEMLOCKED|Semaphore locked",
    r"(?:Broken|Isolated)Circuit(?:Error|Exception)",
    r"Execution prevented because the circuit breaker is open",
    // Polly
    r"OnCircuit(?:Opened|Closed|HalfOpened)",
    r"circuit is (?:now )?(?:open|isolated|manually held open)",
    // pybreaker, hyx
    r"CircuitBreakerError",
    r"Failures threshold reached, circuit breaker opened",
    r"Timeout not elapsed yet, circuit breaker still open",
    r"Trial call failed, circuit breaker opened",
    r"BreakerFailing\b|BreakerOpen\b",
    // Sentinel, Envoy, Istio, Linkerd
    r"(?:Degrade|Flow)Exception|Blocked by Sentinel",
    r"reset reason: overflow",
    r"HTTP/[\d.]+\x22 \d{3} (?:\S*,)?UO\b",
    r"upstream_reset_before_response_started\{overflow\}",
    r"service in fail-fast|in failfast",
    r"consecutive failure-?accrual|failure accrual",
    // any: `circuit breaker 'x': CLOSED → OPEN`, `changed state from closed to open`, `PMS circuit breaker OPEN`
    r"changed state from \x22?'?\w+\x22?'? to \x22?'?\w+",
    r"(?:CLOSED|OPEN|HALF[-_]?OPEN)\s*(?:→|->|=>)\s*\x22?'?(?:CLOSED|OPEN|HALF[-_]?OPEN)",
    r"circuit[ _-]?breaker\b[^\n]{0,80}?\b(?:is|was|now|has been|still|state|changed|transition\w*|entered|reject\w*)?[ :=]*\b(?:half[-_ ]?open\w*|open(?:ed|ing)?|clos(?:ed|ing)|tripped|reset|rejected|rejecting|not permitted|blocked)\b",
    r"\bcircuit (?:'?\x22?[\w.-]+'?\x22? )?(?:is )?(?:now )?(?:open|opened|half-open|tripped|closed)\b",
    r"request rejected [^\n]{0,60}\btripped\b",
    r"\bbreaker (?:is )?(?:open|opened|half-open|tripped|closed)\b",
];

const NO_PEER: &[&str] = &[
    r"no live upstreams",
    r"upstream server temporarily disabled",
    r"failure to get a peer from the ring-balancer",
    r"has no server available!",
];

/// gobreaker's half-open overflow is lower case; the reason phrase of a 429 is not.
const OVERFLOW: &[&str] = &[r"(?m)\b(?-i:too many requests)[\x22'}\s]*$"];

/// Elasticsearch's flood stage and memory guard print "too many requests" and "circuit breaking" and mean neither.
const RESOURCE_FIRST: &[&str] = &[
    r"flood[- _]stage",
    r"circuit_?breaking_?exception",
    r"Data too large, data for",
    r"es_rejected_execution|EsRejectedExecution",
    r"disk usage exceeded",
    r"(?:disk|inode)s? quota exceeded|EDQUOT",
    r"OOM command not allowed",
    r"nf_conntrack: table full|conntrack: table full",
    r"too many open files|\bEMFILE\b|\bENFILE\b",
    r"OutOfMemory|out of memory|\bENOMEM\b|Cannot allocate memory|heap out of memory|OOMKilled|oom-kill",
    r"no space left on device|\bENOSPC\b|disk (?:is )?full|not enough space on the disk",
];

/// Code words such as `ResourceExhausted` are judged by their message.
const CLIENT_BUG_FIRST: &[&str] = &[
    r"(?:message|payload|request|body|entity|record)s? (?:\w+ ){0,3}?(?:too large|larger than|exceeds the (?:max|limit))",
    r"(?:Message|Record|Payload|Entity|Request)(?:Size)?TooLarge",
    r"MaxMessageSizeExceeded|max_message_size",
    r"OAuthException[^\n]{0,40}invalid parameter",
    r"\(#100\)",
];

const DATABASE: &[&str] = &[
    r"too many clients already|too many connections|max_user_connections|ER_CON_COUNT_ERROR|max client connections reached",
    r"remaining connection slots",
    r"connection pool (?:is )?(?:exhausted|full|timed? ?out|timeout)|pool exhausted|pool (?:error )?timed out|PoolTimeout",
    r"timed? ?out (?:while )?(?:waiting for|acquiring|to acquire|obtaining|fetching|getting) (?:a |an )?(?:new )?(?:connection|idle object|session) (?:from|to become|in)",
    r"(?:Unable|Timeout|Timed out|Failed) (?:to acquire|acquiring|obtaining|to obtain) (?:a )?(?:JDBC )?connection|SequelizeConnectionAcquireTimeout|ResourceRequest timed out|Knex: Timeout",
    r"Connection is not available, request timed out|HikariPool-\d+ - Connection",
    r"obtaining a connection from the pool",
    r"QueuePool limit of size",
    r"PoolExhausted|PoolInitializationException|MongoWaitQueueFull|WaitQueueTimeout|connection checkout timed out|connection pool for \S+ was cleared",
    r"deadlock (?:found|detected)|ER_LOCK_DEADLOCK|ORA-00060|was deadlocked on lock|40P01",
    r"lock wait timeout|LockWaitTimeout|canceling statement due to (?:lock|statement) timeout|LockNotAvailable|lock request time ?out",
    r"database is locked|SQLITE_BUSY|database table is locked",
    r"could not serialize access|WriteConflict",
    r"(?:Primary|node) (?:is )?not writable|not master|NotWritablePrimary|NotPrimary|no primary (?:available|found|server)|not primary and",
    r"read[- ]only (?:replica|transaction|mode|slave)|--read-only option|--super-read-only|READONLY You can",
    r"the database system is (?:starting up|shutting down|in recovery mode|not yet accepting)",
    r"terminating connection due to (?:administrator command|conflict|crash)",
    r"MySQL server has gone away|Lost connection to MySQL server|server closed the connection unexpectedly",
    r"(?:database|\bdb\b|datastore|data store) (?:is |server )?(?:currently )?(?:down|unavailable|unreachable|not available|overloaded)",
    r"Could not open JDBC Connection|CannotGetJdbcConnection|CannotCreateTransaction",
    r"ORA-(?:12516|12519|12520|00020|01555|00018)\b",
    r"LOADING Redis is loading|MASTERDOWN|CLUSTERDOWN",
    r"No servers? available for (?:write|primary)|ReplicaSetNoPrimary|MongoServerSelectionError|ServerSelectionTimeoutError|waiting for a server that matches",
    r"NoHostAvailable(?:Exception)?|UnavailableException: Not enough replicas|Not enough replicas available",
    r"NotEnoughReplicas|NOT_ENOUGH_REPLICAS|NotLeaderForPartition|NOT_LEADER",
];

const QUOTA: &[&str] = &[
    r"insufficient_quota|exceeded your current quota|(?:daily|monthly|billing)LimitExceeded|quotaExceeded\b",
    r"(?:insufficient|low|not enough|no remaining|ran out of|out of) (?:account )?(?:balance|credits?|funds)|insufficient_(?:funds|balance|credits)",
    r"(?:credit )?balance is (?:too low|insufficient|exhausted)",
    r"payment required|billing (?:hard )?limit|billing_(?:hard_limit|not_active)|hard limit has been reached",
    r"(?:monthly|daily|yearly|plan|included|free tier|trial)(?: \w+){0,3} (?:limit|quota|credits?)(?: \w+){0,4} (?:exceeded|reached|exhausted|used up)",
    r"(?:exceeded|reached|used up|exhausted) (?:your|the) (?:\w+ )?(?:monthly|daily|plan|included|free tier|trial)\b",
];

const RATE_LIMITED: &[&str] = &[
    r"(?:secondary|api|request|user|application|app|global|ip|upstream) rate[- _]?limits?\b",
    r"(?:application|user|account|page|session) request limit reached|Calls to this api have exceeded",
    r"rate[- _]?limit(?:s|ed|er|ing)?\b[^\n]{0,40}?\b(?:exceed\w*|reached|hit|error|violat\w*|triggered)",
    r"(?:exceed\w*|reached|hit|over|due to|by) (?:\w+ ){0,3}?(?:grpc_)?rate[- _]?limit\w*",
    r"Rate ?Limit(?:Exceeded|Error|Exception|Reached)|rate[- ]limited (?:by|until|for)|rate_limit(?:_exceeded|_error|_reached)",
    r"(?m)^(?:rate_?limited)$|\b(?:error|code|type|reason|status)[\x22']?\s*[:=]\s*[\x22']?rate_?limited\b",
    r"Throttling(?:Exception|Error|:|\))|Throttled(?:Exception|Request|\))|RequestThrottled|RequestLimitExceeded|TooManyRequestsException|Rate exceeded",
    r"request was throttled|requests? (?:is|are|has been|have been|were) throttled",
    r"\bSlowDown\b|reduce your request rate|ServerBusy\b|ProvisionedThroughputExceeded",
    r"Flood control exceeded|FLOOD_WAIT|FloodWait|A wait of \d+ seconds is required",
    r"enhance your calm|ENHANCE_YOUR_CALM",
    r"(?:exceeded|exceeds|over|exceeding) (?:the |your )?(?:\w+ ){0,2}(?:requests? per (?:second|minute|hour)|tokens per min|qps|quota limit)",
    r"Quota exceeded for quota",
    r"x-ratelimit-remaining[\x22']?[:=]\s*[\x22']?0\b",
    r"(?:userR|r)ateLimitExceeded",
    r"(?:you are being|you have been|you're being) rate[- ]?limited",
];

const AUTH: &[&str] = &[
    r"(?:AuthenticationError|AuthenticationException|AuthenticationFailed\w*|AuthorizationException|AuthenticationRequired|AuthorizationFailed|UnauthorizedError|UnauthorizedException|UnauthorizedAccess|NotAuthorizedException|AccessDenied(?:Exception)?|AuthenticationFailure)\b",
    r"\bNOAUTH\b|\bWRONGPASS\b|\bNOPERM\b|invalid username-password pair",
    r"password authentication failed|no pg_hba\.conf entry|Access denied for user|Login failed for user|ORA-0(?:1017|1005|28000|28001)\b|SASL authentication failed|SCRAM",
    r"(?:login|authentication|authorization) (?:has )?failed\b|failed to authenticate|could not authenticate",
    r"Not authorized to |is not authorized to perform|not authorized to access|TopicAuthorization",
    r"(?:access|refresh|id|auth|api|bearer|security|session|oauth)?[ _-]?(?:token|credentials?|secret(?: keys?)?|api[ _-]?key)s?(?: \w+){0,3} (?:has |have |is |are |was )(?:been )?(?:expired|invalid|revoked|missing|malformed|incorrect|not valid|disabled)",
    r"(?:expired|invalid|incorrect|missing|revoked|bad|unknown|wrong)[ _-](?:\w+ ){0,2}?(?:access[ _-]|refresh[ _-]|auth(?:entication|orization)?[ _-]|api[ _-]|bearer[ _-]|client[ _-]|security[ _-])?(?:token|credentials?|api[ _-]?key|secret|signature|password|authentication header|authorization header)\b",
    r"Error validating access token|Invalid OAuth|OAuthException[^\n]{0,80}(?:token|session|permission)",
    r"ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidAccessKeyId|InvalidSignature|RequestExpired|AuthFailure|InvalidAuthenticationToken|ExpiredAuthenticationToken|TokenExpired(?:Error)?|token_expired|JsonWebTokenError|invalid_auth\b|not_authed\b|token_revoked|account_inactive",
    r"AADSTS\d+|invalid_client\b|invalid_grant\b|unauthorized_client|invalid_token\b|invalid_api_key",
    r"code ?= ?(?:Unauthenticated|PermissionDenied)\b|UNAUTHENTICATED\b|PERMISSION_DENIED\b|StatusCode\.(?:UNAUTHENTICATED|PERMISSION_DENIED)",
    r"jwt (?:expired|malformed|signature)|signature verification failed",
    r"ACCESS_REFUSED|NOT_AUTHORIZED\b",
];

const TLS: &[&str] = &[
    r"x509: |certificate (?:has expired|is expired|verify failed|expired|is not yet valid|signed by unknown|chain|is not trusted|validation|verification|required|unknown|name mismatch)|(?:expired|invalid|self[- ]signed|unknown|untrusted|revoked) certificate|bad certificate|certificate_(?:unknown|expired|required|revoked)|verify (?:the first|leaf|server|failed)[^\n]{0,12} ?certificate|CERTIFICATE_VERIFY_FAILED",
    r"unable to (?:verify the first|get local issuer) certificate|UNABLE_TO_(?:VERIFY_LEAF|GET_ISSUER)|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|CERT_HAS_EXPIRED|ERR_TLS_CERT|ERR_CERT_|ERR_SSL_",
    r"SSLHandshake|SSLException|SSLError|SSLPeerUnverified|SSLCertVerification|SSLProtocol|CertificateException|CertPathBuilder|CertPathValidator|PKIX path|AuthenticationException: The remote certificate",
    r"SSL routines|SSL_ERROR_SSL|ssl3_|tlsv1 alert|sslv3 alert|alert handshake failure|SSL alert number|\bEPROTO\b|SSL_do_handshake\(\) failed|SSL_connect|SSL_R_",
    r"(?:tls|ssl)[ :_-]+(?:handshake|certificate|alert|protocol|negotiation)[ \w:]{0,24}(?:error|fail\w*|timeout|timed out|eof|mismatch|rejected|internal)",
    r"(?:tls|ssl): (?:failed|bad|unknown|handshake|protocol|first record|oversized|unsupported|received|internal|client offered|server selected)",
    r"(?:handshake) (?:failed|failure|error)|remote error: tls|first record does not look like a TLS handshake|wrong version number|unsupported protocol version|no cipher(?:s|suites)? (?:in common|available)|no shared cipher",
    r"remote certificate (?:is|was) (?:invalid|rejected)|The SSL connection could not be established|hostname[^\n]{0,60}(?:doesn't|does not) match|ERR_TLS_CERT_ALTNAME|altnames|peer did not return a certificate",
    r"TLS error: |TLS_error|transport failure reason: TLS|InvalidCertificate|UnknownIssuer|NotValidForName|CertExpired|schannel: |SEC_E_",
    r"curl(?: error)?[: (]+(?:35|51|53|54|58|59|60|64|66|77|80|82|83|90|91)\b",
];

const RESOURCE: &[&str] = &[
    r"unable to create (?:new )?native thread|can't start new thread|Resource temporarily unavailable|\bpthread_create failed|fork: retry|\bEAGAIN\b[^\n]{0,20}fork",
    r"GC overhead limit|Metaspace|memory limit (?:exceeded|reached)|memory exhausted|Allowed memory size|MemoryError\b|memory pressure|Killed process \d+|signal: killed|exit(?:ed with)?(?: code)? 137\b",
    r"Cannot assign requested address|EADDRNOTAVAIL|ephemeral ports? exhaust",
    r"worker_connections are not enough|thread pool (?:is )?(?:exhausted|full)|RejectedExecutionException|task queue is full",
    r"RAM (?:is )?exhausted|MISCONF Redis|file descriptors? (?:limit|exhaust)|read-only file system|\bEROFS\b",
];

const NETWORK: &[&str] = &[
    r"connection (?:was )?refused|ECONNREFUSED|actively refused|ConnectionRefused",
    r"connection (?:was |has been )?(?:reset|aborted|closed by|forcibly closed|dropped)|ECONNRESET|ECONNABORTED|ConnectionReset|ConnectionAborted|forcibly closed by the remote|reset by peer|broken pipe|\bEPIPE\b|socket hang up|Remote end closed|RemoteDisconnected|ServerDisconnected|upstream prematurely closed|prematurely closed connection|PrematureClose|(?:server|peer|remote|upstream|host|broker|backend) (?:has )?closed (?:the )?connection|IncompleteMessage|unexpected end of (?:file|stream)|unexpected EOF|\bEOF occurred|: EOF\b",
    r"no route to host|EHOSTUNREACH|ENETUNREACH|host is (?:down|unreachable)|network is (?:down|unreachable)|network unreachable|EHOSTDOWN|ENETDOWN|NoRouteToHost|NoHttpResponse|failed to respond",
    r"no such host|ENOTFOUND|EAI_AGAIN|EAI_NONAME|getaddrinfo|name or service not known|temporary failure in name resolution|could(?:n't| not) resolve|UnknownHost|nodename nor servname|NXDOMAIN|SERVFAIL|dns (?:error|failure|resolution fail\w*|lookup fail\w*)|name resolution fail\w*|host not found|dns_error|server misbehaving|failed to lookup address",
    r"reset reason: (?:connection|local connection|remote connection|remote reset|local reset)[ _](?:failure|termination|refused)|delayed connect error|upstream connect error or disconnect|disconnect/reset before headers",
    r"HTTP/[\d.]+\x22 \d{3} (?:\S*,)?(?:UF|UC|LR|UR)\b",
    r"could not be established\. Broker may not|Broker may not be available|NetworkException|Bootstrap broker \S+ disconnected|BrokerNotAvailable|NoBrokersAvailable",
    r"node set can not be reached|check your network connectivity|Communications link failure|could not connect to (?:server|host|redis)|can't connect to (?:MySQL|server|local)|unable to connect to the remote server|Failed to connect to|NewConnectionError|Layer4 connection problem|connection failed|CommunicationsException",
    r"curl(?: error)?[: (]+(?:5|6|7|52|55|56)\b",
    r"error sending request for url|tcp connect error|client error \(Connect\)|connection closed before message completed|ERR_CONNECTION_|proxy connection (?:failed|refused)|bad address",
];

const TIMEOUT: &[&str] = &[
    r"Client\.Timeout|HttpClient\.Timeout|Timeout exceeded while|(?:request|operation|call|query|read|write|connect|connection|socket|response|gateway|command|task|upstream|dial|handshake|rpc|invocation|lookup)[ -]?(?:has |was )?(?:timed[ -]?out|time-?out (?:error|exceeded|expired|occurred|reached|after|awaiting|of \d|while))",
    // Not after a number: `0 failed, 0 timed out` is a tally.
    r"(?:^|[^\d\s]\s?)\btimed out\b",
    r"i/o timeout|\bETIMEDOUT\b|ESOCKETTIMEDOUT|ECONNTIMEDOUT|UND_ERR_\w*TIMEOUT|WSAETIMEDOUT",
    r"(?:Timeout|TimedOut|TimeOut)(?:Error|Exception|Expired)\b|(?:Connect|Read|Write|Socket|Request|Pool|Gateway|Server|Sock)Time[dO]?\w*[oO]ut(?:Error|Exception)?\b|TimeoutException|HystrixTimeout|hystrix: timeout|TaskCanceledException",
    r"deadline[ _]?exceeded|DeadlineExceeded|DEADLINE_EXCEEDED|context deadline|deadline has elapsed|operation was aborted due to timeout",
    r"timeout of \d+ ?m?s exceeded|timeout exceeded|timeout expired|within the (?:configured )?timeout|exceeded (?:the )?(?:\w+ )?timeout|timeout (?:was )?(?:reached|elapsed)|did not respond (?:in|within)|no response (?:received )?(?:within|after|in) \d|ms has passed since batch creation|no reply within|Task timed out",
    r"curl(?: error)?[: (]+28\b|reset reason: connection timeout|upstream_response_timeout|upstream request timeout|stream timeout",
    r"HTTP/[\d.]+\x22 \d{3} (?:\S*,)?(?:UT|SI|DPE)\b|Layer[47] timeout|RequestTimeout\b|gave up waiting|killed by .{0,20}time limit",
];

const UPSTREAM: &[&str] = &[
    r"no healthy upstream|no healthy (?:host|backend|endpoint)s?|no healthy node|HTTP/[\d.]+\x22 \d{3} (?:\S*,)?UH\b|no available (?:server|backend)s?|no endpoints available",
    r"overloaded_error|\bOverloaded\b|server is (?:currently )?overloaded|engine is currently overloaded|model is overloaded|over capacity|temporarily over(?:loaded| capacity)",
];

const CLIENT_BUG: &[&str] = &[
    r"ValidationException|ValidationError|Validation (?:failed|for \S+ failed|error)|SerializationException|InvalidParameter\w*|InvalidArgument\w*|MissingParameter|MissingRequiredParameter|ParamValidation|MalformedJson|MalformedPolicy|InvalidRequest\w*|invalid_request(?:_error)?\b|InvalidInput|HttpMessageNotReadable|MethodArgumentNotValid|MethodArgumentTypeMismatch|JsonParse\w*|JsonMapping|JSONDecodeError|UnrecognizedProperty|SchemaValidation",
    r"code ?= ?(?:InvalidArgument|NotFound|Unimplemented|FailedPrecondition|OutOfRange|AlreadyExists)\b|INVALID_ARGUMENT\b|UNIMPLEMENTED\b|StatusCode\.(?:INVALID_ARGUMENT|NOT_FOUND|UNIMPLEMENTED)",
    r"GraphMethodException|Unsupported (?:get|post) request|nonexist(?:ing|ent) field|unknown (?:field|method|service|argument|parameter|column)|Cannot query field|must be (?:a valid|one of)|is a required (?:field|property|parameter)|is required but|invalid (?:parameter|request body|json|payload|argument|request)|malformed (?:request|json|body|payload|url)",
    r"NoSuchKey|NoSuchBucket|NoSuchEntity|ResourceNotFound\w*|NoSuchUpload|index_not_found_exception|model_not_found|UnknownTopicOrPartition|UNKNOWN_TOPIC_OR_PARTITION|QueueDoesNotExist|NonExistentQueue",
    r"syntax error at or near|You have an error in your SQL syntax|(?:relation|column|table) \S+ (?:does not|doesn't) exist|no such (?:table|column)|violates (?:not-null|foreign key|unique|check) constraint|duplicate key value|ER_BAD_FIELD|ER_NO_SUCH_TABLE|ER_PARSE_ERROR|mapper_parsing_exception|parsing_exception|ORA-009\d\d\b",
    r"Unsupported Media Type|Unprocessable Entity|Method Not Allowed|Request-?URI Too (?:Long|Large)|Request Header Fields Too Large|context_length_exceeded|maximum context length",
];

const LIKELY_RATE: &[&str] = &[
    r"(?-i:Too Many Requests)|TOO_MANY_REQUESTS",
    r"\brate limit\w*\b[^\n]{0,60}\b(?:error|fail|reject|denied|wait|retry)",
];

const LIKELY_AUTH: &[&str] = &[
    r"\b(?:401|403)\b[ :-]{1,3}(?:unauthori[sz]ed|forbidden)",
    r"(?:error|failed|failure|exception|response|status|returned|got|denied)[^\n]{0,30}\b(?:unauthori[sz]ed|forbidden)\b|^\W*(?:unauthori[sz]ed|forbidden)\W*$|\b(?:unauthori[sz]ed|forbidden)\b[^\n]{0,12}(?:error|exception|response)",
];

const LIKELY_UPSTREAM: &[&str] = &[
    r"internal server error|internal_server_error|InternalServerError|\bserver_error\b|InternalError\b|InternalFailure|INTERNAL_ERROR",
    r"bad gateway|service (?:is )?(?:temporarily )?unavailable|ServiceUnavailable\w*|gateway time-?out|HttpServerErrorException",
    r"code ?= ?(?:Internal|Unavailable|Unknown|DataLoss|Aborted)\b|StatusCode\.(?:UNAVAILABLE|INTERNAL|UNKNOWN)|\bUNAVAILABLE:",
    r"upstream (?:server )?(?:returned|responded with|sent) (?:an )?(?:error|invalid)|Layer7 wrong status|received (?:an )?invalid response from upstream",
];

const LIKELY_CLIENT_BUG: &[&str] =
    &[r"\bbad request\b|BadRequest(?:Exception|Error)?\b|BAD_REQUEST\b"];
