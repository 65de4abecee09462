<?php
// Logs five messages through gelf-php: the folder of the library, the transport and the secret are its arguments.
[, $folder, $kind, $secret] = $argv;
spl_autoload_register(fn ($name) => require $folder . '/' . str_replace('\\', '/', $name) . '.php');
$host = getenv('KBC_LOGGER_ADDR');
$port = (int) getenv('KBC_LOGGER_PORT');
$transport = match ($kind) {
    'tcp' => new Gelf\Transport\TcpTransport($host, $port),
    'udp' => new Gelf\Transport\UdpTransport($host, $port, Gelf\Transport\UdpTransport::CHUNK_SIZE_WAN),
    'http' => new Gelf\Transport\HttpTransport($host, $port),
};
$logger = new Gelf\Logger(new Gelf\Publisher($transport));
foreach (['debug', 'info', 'warning', 'error', 'critical'] as $level) {
    $logger->log($level, "$level with $secret" . str_repeat(' and much more', 300));
}
