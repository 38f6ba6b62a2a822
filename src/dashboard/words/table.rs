//! The words themselves.

/// Makes the list of words and its two languages of one table.
macro_rules! words {
    ($($name:ident: $english:literal, $spanish:literal;)+) => {
        /// Every word of the pages, in one language.
        pub(in crate::dashboard) struct Words {
            $(pub(in crate::dashboard) $name: &'static str,)+
        }

        pub(super) const ENGLISH: Words = Words { $($name: $english,)+ };
        pub(super) const SPANISH: Words = Words { $($name: $spanish,)+ };
    };
}

words! {
    // What stands around every page.
    overview: "Overview", "Resumen";
    jobs: "Jobs", "Trabajos";
    sign_in: "Sign in", "Entrar";
    sign_in_why: "This server has keys. Show yours once; it is not kept in your browser.", "Este servidor tiene claves. Muestra la tuya una vez; no se guarda en el navegador.";
    sign_out: "Sign out", "Salir";
    key: "Key", "Clave";
    skip: "Skip to content", "Ir al contenido";
    pages: "Pages", "Páginas";
    live: "Live", "En vivo";
    connecting: "Connecting…", "Conectando…";
    offline: "No connection; trying again", "Sin conexión; reintentando";
    not_here: "Nothing here", "Aquí no hay nada";
    not_allowed: "Not allowed", "No permitido";
    not_possible: "Not possible", "No es posible";
    went_wrong: "Something went wrong", "Algo ha fallado";
    see_log: "An internal error occurred; the server's log names its cause.", "Ha ocurrido un error interno; el registro del servidor nombra la causa.";
    foreign: "This request did not come from a page of this server.", "Esta petición no viene de una página de este servidor.";
    back_to_overview: "Back to the overview", "Volver al resumen";

    // Statuses, priorities, outcomes.
    status: "Status", "Estado";
    queued: "Queued", "En cola";
    completed: "Completed", "Completado";
    failed: "Failed", "Fallido";
    cancelled: "Cancelled", "Cancelado";
    scheduled: "Scheduled", "Programado";
    timed_out: "Timed out", "Tiempo agotado";
    crashed: "Crashed", "Se cayó";
    lost: "Lost", "Perdido";
    released: "Given back", "Devuelto";
    high: "High", "Alta";
    normal: "Normal", "Normal";
    low: "Low", "Baja";

    // The list of jobs.
    any: "Any", "Cualquiera";
    search: "Search", "Buscar";
    search_hint: "Id, message, error, tag…", "Id, mensaje, error, etiqueta…";
    filter: "Filter", "Filtrar";
    clear: "Clear", "Limpiar";
    job: "Job", "Trabajo";
    sub_type: "Subtype", "Subtipo";
    priority: "Priority", "Prioridad";
    tag: "Tag", "Etiqueta";
    tags: "Tags", "Etiquetas";
    user: "User", "Usuario";
    created: "Created", "Creado";
    progress_of: "Progress", "Progreso";
    took: "Took", "Duró";
    order: "Order", "Orden";
    newest_first: "Newest first", "Los más nuevos";
    oldest_first: "Oldest first", "Los más antiguos";
    jobs_in_all: "{0} jobs", "{0} trabajos";
    jobs_at_least: "at least {0} jobs", "al menos {0} trabajos";
    no_jobs: "No jobs match", "Ningún trabajo coincide";
    no_jobs_yet: "No jobs yet", "Aún no hay trabajos";
    no_jobs_hint: "Jobs appear here as soon as somebody asks for them.", "Los trabajos aparecen aquí en cuanto alguien los pide.";
    next_page: "Next page", "Página siguiente";
    first_page: "First page", "Primera página";
    cancel_all: "Cancel all", "Cancelar todos";
    retry_all: "Retry all", "Reintentar todos";
    discard_all: "Discard all", "Descartar todos";
    sure_cancel: "Cancel {0} jobs?", "¿Cancelar {0} trabajos?";
    sure_retry: "Retry {0} jobs?", "¿Reintentar {0} trabajos?";
    sure_discard: "Discard {0} dead letters?", "¿Descartar {0} cartas muertas?";
    sure_why: "It concerns every job of the filter, not only those on the page.", "Afecta a todos los trabajos del filtro, no solo a los de la página.";
    go_back: "Go back", "Volver";
    bulk_done: "{0} of {1} jobs changed.", "{0} de {1} trabajos han cambiado.";

    // A job.
    cancel: "Cancel", "Cancelar";
    retry: "Retry", "Reintentar";
    run_now: "Run now", "Ejecutar ahora";
    discard: "Discard", "Descartar";
    stopping: "Asked to stop", "Se le ha pedido parar";
    left: "{0} left", "quedan {0}";
    per_minute: "{0} % a minute", "{0} % por minuto";
    elapsed: "Running for", "En marcha desde hace";
    why_not: "Why is it not running?", "¿Por qué no se ejecuta?";
    why_not_due: "Its time has not come: it may run from {0} on.", "Aún no es su hora: puede ejecutarse a partir de {0}.";
    why_next_try: "Its next try is due at {0}.", "Su próximo intento será a las {0}.";
    why_paused: "The subtype {0} is paused.", "El subtipo {0} está en pausa.";
    why_key: "Its concurrency key {0} is taken by:", "Su clave de concurrencia {0} está ocupada por:";
    why_no_worker: "No live worker does the subtype {0}.", "Ningún trabajador vivo hace el subtipo {0}.";
    why_behind_one: "One job of the subtype {0} is before it.", "Un trabajo del subtipo {0} va antes.";
    why_behind: "{1} jobs of the subtype {0} are before it.", "{1} trabajos del subtipo {0} van antes.";
    why_next: "It is the next of its subtype, and starts with the next free slot.", "Es el siguiente de su subtipo y empieza con el próximo hueco libre.";
    facts: "Facts", "Datos";
    family: "Type", "Tipo";
    run_at: "Not before", "No antes de";
    started_at: "Started", "Empezó";
    ended_at: "Ended", "Terminó";
    attempt: "Attempt", "Intento";
    attempt_of: "{0} of {1}", "{0} de {1}";
    machine: "Machine", "Máquina";
    schedule: "Schedule", "Programación";
    attempts: "Attempts", "Intentos";
    waiting: "Waiting", "En espera";
    running: "Running", "En curso";
    pause_before_retry: "Pause before the next try", "Pausa antes del siguiente intento";
    no_attempts: "It has not been tried yet.", "Aún no se ha intentado.";
    log: "Log", "Registro";
    no_log: "The processor has logged nothing.", "El procesador no ha registrado nada.";
    error: "Error", "Error";
    stack_trace: "Stack trace", "Traza";
    payload: "Payload", "Carga útil";
    payload_gone: "It is not kept any more, or cannot be read here.", "Ya no se conserva, o no se puede leer aquí.";
    result: "Result", "Resultado";
    no_result: "It has no result.", "No tiene resultado.";
    result_gone: "The result is no longer kept.", "El resultado ya no se conserva.";
    download: "Download", "Descargar";
    shown_partly: "Only the beginning is shown; download it to see all.", "Solo se muestra el principio; descárgalo para verlo todo.";
    result_elsewhere: "The result is elsewhere:", "El resultado está en otro lugar:";
    not_shown: "This cannot be shown here; download it.", "Esto no se puede mostrar aquí; descárgalo.";
    saved_state: "Saved state", "Estado guardado";

    // The overview.
    last_day: "Last 24 hours", "Últimas 24 horas";
    ready: "Ready", "Listos";
    succeeded_day: "Succeeded, 24 h", "Con éxito, 24 h";
    failed_day: "Failed, 24 h", "Fallidos, 24 h";
    dead_letters: "Dead letters", "Cartas muertas";
    throughput: "Ended by minute", "Terminados por minuto";
    two_hours: "2 hours", "2 horas";
    one_day: "24 hours", "24 horas";
    chart_told: "{0} completed and {1} failed", "{0} completados y {1} fallidos";
    run_time: "Run time, 24 h", "Tiempo de ejecución, 24 h";
    median: "Median", "Mediana";
    mean: "Mean", "Media";
    nothing_completed: "Nothing has completed yet.", "Aún no se ha completado nada.";
    oldest_waiting: "Waits for longest", "El que más espera";
    waits_since: "for", "desde hace";
    nobody_waits: "No job waits for a worker.", "Ningún trabajo espera a un trabajador.";
    retried_day: "{0} tries of the last 24 hours were followed by another one.", "A {0} intentos de las últimas 24 horas les siguió otro.";
    degraded: "Degraded:", "Degradado:";
    closing: "The server is about to stop.", "El servidor está a punto de parar.";
    runs_nothing: "This process runs no jobs; another one on the same store does, or none.", "Este proceso no ejecuta trabajos; lo hace otro sobre el mismo almacén, o ninguno.";
    alerts: "Alerts", "Alertas";
    alerts_firing: "Alerts that fire: {0}", "Alertas activas: {0}";
    next_firings: "Next firings", "Próximos disparos";
    no_firings: "No schedule will fire.", "Ninguna programación se disparará.";
    nodes: "Nodes and workers", "Nodos y trabajadores";
    runs_so_many: "{0} running", "{0} en curso";
    up_since: "up for", "activo desde hace";
    live_workers: "Live workers of other processes: {0}", "Trabajadores vivos de otros procesos: {0}";

    // Dead letters.
    dead_why: "Jobs that used up their tries wait here for somebody to decide.", "Los trabajos que agotaron sus intentos esperan aquí a que alguien decida.";
    no_dead: "No dead letters", "No hay cartas muertas";
    no_dead_hint: "Every job that failed has been tried again, or discarded.", "Todo trabajo fallido se ha reintentado o descartado.";
    acts: "Acts", "Acciones";

    // Asking for a job.
    enqueue: "Enqueue", "Encolar";
    choose: "Choose", "Elegir";
    required: "required", "obligatorio";
    no_fields: "It needs no input.", "No necesita datos.";
    as_json: "Write it as JSON", "Escribirlo como JSON";
    terms: "Terms", "Condiciones";
    delay: "Delay in seconds", "Retraso en segundos";
    tags_hint: "Tags, separated by commas", "Etiquetas, separadas por comas";
    run_again: "Run again with changes", "Repetir con cambios";
    events: "Events", "Eventos";
    // Schedules.
    schedules: "Schedules", "Programaciones";
    when: "When", "Cuándo";
    next: "Next", "Próximo";
    last_runs: "Latest runs", "Últimas ejecuciones";
    no_schedules: "No schedules", "No hay programaciones";
    no_schedules_hint: "What is to be done again and again is a schedule: make one here.", "Lo que se repite es una programación: crea una aquí.";
    enabled: "Enabled", "Activada";
    disabled: "Disabled", "Desactivada";
    paused: "Paused", "En pausa";
    pause: "Pause", "Pausar";
    resume: "Resume", "Reanudar";
    enable: "Enable", "Activar";
    marks_told: "Runs: {0}, failed: {1}", "Ejecuciones: {0}, fallidas: {1}";
    history: "History", "Historial";
    all_runs: "All runs", "Todas las ejecuciones";
    next_times: "Next times", "Próximas veces";
    runs: "Runs", "Ejecuciones";
    missed: "Missed", "Perdidas";
    overlapped: "Passed over", "Omitidas";
    misfire: "If missed", "Si se pierde";
    overlap: "If still running", "Si aún corre";
    made_by: "Made by", "Creada por";
    new_schedule: "New schedule", "Nueva programación";
    edit: "Edit", "Editar";
    save: "Save", "Guardar";
    description: "Description", "Descripción";
    try_cron: "Try an expression", "Probar una expresión";
    expression: "Cron expression", "Expresión cron";
    zone: "Time zone", "Zona horaria";
    after: "After", "Después de";
    show: "Show", "Mostrar";
    cron_hint: "Five fields, or six with seconds first; names, @daily and its kin, L, W and # work too.", "Cinco campos, o seis con los segundos primero; también valen nombres, @daily y similares, L, W y #.";
    never_again: "It does not come again.", "No vuelve a ocurrir.";
    gap: "clock leaps over it", "el reloj lo salta";
    fold: "clock shows it twice", "el reloj lo repite";

    // The system.
    system: "System", "Sistema";
    processors: "Processors", "Procesadores";
    workers: "Workers of other processes", "Trabajadores de otros procesos";
    nodes_title: "Nodes", "Nodos";
    settings: "Settings", "Ajustes";
    settings_why: "To read; they are set by flags, variables or faena.toml.", "Solo lectura; se fijan con opciones, variables o faena.toml.";
    done_by: "Done by", "Lo hace";
    this_process: "this process", "este proceso";
    so_many_workers: "{0} workers", "{0} trabajadores";
    nobody: "nobody", "nadie";
    no_workers: "No worker of another process has registered.", "No se ha registrado ningún trabajador de otro proceso.";
    name: "Name", "Nombre";
    does: "Does", "Hace";
    holds: "Holds", "Tiene";
    heard: "Heard of", "Última señal";
    alive: "Alive", "Vivo";
    silent: "Silent", "En silencio";
    process: "Process", "Proceso";
    version: "Version", "Versión";

    // Subscriptions, events, keys.
    subscriptions: "Subscriptions", "Suscripciones";
    no_subscriptions: "Nobody has subscribed", "Nadie se ha suscrito";
    no_subscriptions_hint: "Whoever wants to hear of events asks by POST /subscriptions.", "Quien quiera saber de los eventos lo pide con POST /subscriptions.";
    address: "Address", "Dirección";
    pending: "Pending", "Pendientes";
    delivered: "Delivered", "Entregado";
    dead_deliveries: "Dead", "Muertos";
    switched_off: "Switched off", "Apagada";
    failing: "Failing", "Fallando";
    active: "Active", "Activa";
    deliveries_told: "{0} pending, {1} dead, {2} delivered ever.", "{0} pendientes, {1} muertos, {2} entregados en total.";
    replay_all: "Replay the dead ones", "Repetir los muertos";
    no_deliveries: "Nothing has been sent yet", "Aún no se ha enviado nada";
    event: "Event", "Evento";
    tries: "Tries", "Intentos";
    latest_answer: "Latest answer", "Última respuesta";
    event_type: "Type", "Tipo";
    about: "About (id)", "Sobre (id)";
    no_events: "No events match", "Ningún evento coincide";
    go_there: "Go there", "Ir allí";
    keys: "Keys", "Claves";
    key_made: "The key was made. It is shown this once:", "Clave creada. Solo se muestra esta vez:";
    no_keys: "No keys yet", "Aún no hay claves";
    no_keys_hint: "Without any key the server answers everybody on this machine, and nobody else. From the first one on everybody needs one.", "Sin claves el servidor responde a todos en esta máquina y a nadie más. Desde la primera, todos necesitan una.";
    scopes: "Scopes", "Permisos";
    last_used: "Last used", "Último uso";
    valid: "Valid", "Válida";
    expired: "Expired", "Caducada";
    revoked: "Revoked", "Revocada";
    revoke: "Revoke", "Revocar";
    make_key: "Make a key", "Crear una clave";
    newest_jobs: "Newest jobs", "Trabajos más nuevos";
}
