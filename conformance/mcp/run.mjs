// Runs the suite against plimsoll, compares with expected.json, prints a table.
//
//	run.mjs PLIMSOLL WORK CACHE [-v]
//
// PLIMSOLL is the binary; WORK a folder of its own with everything-server and
// project in it; CACHE where the suite is installed. Exit codes: 0 as expected,
// 1 not, 11 it could not be run.
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync, createWriteStream, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const [plimsoll, work, cache, ...flags] = process.argv.slice(2).map((a, i) => (i < 3 ? resolve(a) : a))
const here = dirname(fileURLToPath(import.meta.url))
const suite = join(cache, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
const expected = JSON.parse(readFileSync(join(here, 'expected.json'), 'utf8'))
const modern = '2026-07-28'
const classic = '2025-11-25'

const port = () => new Promise((ok, no) => {
  const s = createServer().on('error', no).listen(0, '127.0.0.1', () => { const p = s.address().port; s.close(() => ok(p)) })
})
const sleep = ms => new Promise(r => setTimeout(r, ms))

const children = []
// start keeps a server running until the end; its output goes to a file.
function start (name, argv, env = {}) {
  const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(join(work, name + '.log'))
  child.stdout.pipe(log)
  child.stderr.pipe(log)
  child.on('exit', code => { child.over = true; if (!child.wanted) fail(`${name} ended with ${code}:\n` + readFileSync(join(work, name + '.log'), 'utf8')) })
  children.push(child)
  return child
}

// once runs a program to its end.
function once (argv, env = {}) {
  return new Promise(ok => {
    const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    child.stdout.on('data', d => { out += d })
    child.stderr.on('data', d => { out += d })
    child.on('exit', code => ok({ code, out }))
  })
}

function stop () {
  for (const c of children) { c.wanted = true; if (!c.over) c.kill('SIGTERM') }
}

function fail (text) {
  console.error(text)
  stop()
  process.exit(11)
}

async function answers (url) {
  for (let i = 0; i < 300; i++) {
    try { await fetch(url); return } catch { await sleep(100) }
  }
  fail(`${url} does not answer`)
}

// settle calls the tools by which the test server changes its own lists. It does
// so for good; a connector whose tools are not those that were approved is shut,
// so it has to be the changed list that is approved.
async function settle (url, revision) {
  const send = async (method, params, headers = {}) => {
    const body = { jsonrpc: '2.0', method, params }
    if (!method.startsWith('notifications/')) body.id = 1
    const res = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'Mcp-Protocol-Version': revision, ...headers },
      body: JSON.stringify(body)
    })
    return { res, text: await res.text() }
  }
  const headers = { 'Mcp-Method': 'tools/call' }
  let _meta = { 'io.modelcontextprotocol/protocolVersion': modern, 'io.modelcontextprotocol/clientCapabilities': {} }
  if (revision === classic) {
    _meta = undefined
    const { res } = await send('initialize', { protocolVersion: classic, capabilities: {}, clientInfo: { name: 'settle', version: '1' } })
    headers['Mcp-Session-Id'] = res.headers.get('mcp-session-id')
    await send('notifications/initialized', {}, headers)
  }
  for (const name of ['test_trigger_tool_change', 'test_trigger_prompt_change']) {
    const { res, text } = await send('tools/call', { name, arguments: {}, _meta }, { ...headers, 'Mcp-Name': name })
    if (!res.ok || !text.includes('published')) fail(`${name} at the test server: ${res.status} ${text}`)
  }
}

let runs = 0
// ask runs scenarios and gives the checks of each.
async function ask (url, args) {
  const out = join(work, `out-${++runs}`)
  mkdirSync(out)
  const { code, out: text } = await once([process.execPath, suite, 'server', '--url', url, '-o', out, ...args])
  const seen = readdirSync(out)
  if (seen.length === 0) fail(`the suite made no results (exit ${code}):\n${text}`)
  const scenarios = new Map()
  for (const folder of seen) {
    const name = folder.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[\dZ-]+$/, '')
    scenarios.set(name, JSON.parse(readFileSync(join(out, folder, 'checks.json'), 'utf8')))
  }
  return scenarios
}

// matches: a star stands for any characters.
const matches = (pattern, id) => new RegExp('^' + pattern.split('*').map(p => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*') + '$').test(id)

const legs = []
// judge compares one leg with what is expected of it. Only FAILURE and WARNING
// count against it; SKIPPED is counted by itself.
function judge (leg, scenarios) {
  const known = expected.filter(e => e.legs.includes(leg))
  const sum = { leg, passed: 0, failed: 0, expected: 0, skipped: 0, unexpected: [] }
  const met = new Set()
  for (const [name, checks] of [...scenarios].sort()) {
    for (const c of checks) {
      const id = `${name}/${c.id}`
      const why = known.find(e => matches(e.check, id))
      switch (c.status) {
        case 'SUCCESS': sum.passed++; break
        case 'SKIPPED': sum.skipped++; break
        case 'INFO': break
        default:
          if (why) { sum.expected++; met.add(why) } else { sum.failed++; sum.unexpected.push(`${id}: ${c.errorMessage ?? c.description}`) }
      }
    }
  }
  for (const e of known) if (!met.has(e)) sum.unexpected.push(`${e.check}: expected to fail, and did not; take it out of expected.json`)
  legs.push(sum)
  if (flags.includes('-v')) for (const [name, checks] of [...scenarios].sort()) console.log(`${leg}  ${name}: ${checks.filter(c => c.status === 'SUCCESS').length} of ${checks.length}`)
}

const [at, a, b] = [await port(), await port(), await port()]
const env = { PLIMSOLL_VAR_listen: `127.0.0.1:${at}`, PLIMSOLL_VAR_modern: `http://127.0.0.1:${a}/`, PLIMSOLL_VAR_classic: `http://127.0.0.1:${b}/` }
start('modern', [join(work, 'everything-server'), '-http', `127.0.0.1:${a}`, '-stateless=true'])
start('classic', [join(work, 'everything-server'), '-http', `127.0.0.1:${b}`, '-stateless=false'])
await answers(env.PLIMSOLL_VAR_modern)
await answers(env.PLIMSOLL_VAR_classic)
await settle(env.PLIMSOLL_VAR_modern, modern)
await settle(env.PLIMSOLL_VAR_classic, classic)
for (const c of ['modern', 'classic']) {
  const { code, out } = await once([plimsoll, '-C', join(work, 'project'), 'connector', 'approve', c], env)
  if (code !== 0) fail(`approving ${c}: ${out}`)
}
start('plimsoll', [plimsoll, '-C', join(work, 'project'), 'serve'], env)
const base = `http://127.0.0.1:${at}`
await answers(base + '/readyz')

// Our own surface: the scenarios that ask for no fixture of the test server, and
// the Skills extension.
const any = {
  [modern]: ['tools-list', 'resources-list', 'prompts-list', 'sep-2164-resource-not-found', 'caching', 'dns-rebinding-protection', 'http-header-validation', 'server-sse-multiple-streams', 'input-required-result-unsupported-methods'],
  [classic]: ['server-initialize', 'server-session-lifecycle', 'ping', 'logging-set-level', 'tools-list', 'resources-list', 'prompts-list', 'dns-rebinding-protection', 'server-sse-multiple-streams']
}
const skills = ['sep-2640-skills-enumeration', 'sep-2640-skills-manifest', 'sep-2640-skills-directory']
for (const revision of [modern, classic]) {
  const all = new Map()
  for (const s of [...any[revision], ...skills]) {
    for (const [name, checks] of await ask(base + '/mcp', ['--scenario', s, '--spec-version', revision, '--force'])) all.set(name, checks)
  }
  judge(`own surface, ${revision}`, all)
}
// Through the gateway: everything that a revision requires, with an upstream of
// the same revision, and of the other.
for (const [revision, connector] of [[modern, 'modern'], [classic, 'classic'], [modern, 'classic'], [classic, 'modern']]) {
  judge(`${revision} before ${connector === 'modern' ? modern : classic}`, await ask(`${base}/mcp/${connector}`, ['--requirements', revision]))
}
stop()

const pad = (s, n) => String(s).padEnd(n)
console.log(`\n${pad('leg', 32)}${pad('passed', 8)}${pad('failed', 8)}${pad('expected failures', 19)}skipped`)
for (const l of legs) console.log(`${pad(l.leg, 32)}${pad(l.passed, 8)}${pad(l.failed, 8)}${pad(l.expected, 19)}${l.skipped}`)
const bad = legs.flatMap(l => l.unexpected.map(u => `${l.leg}: ${u}`))
if (bad.length > 0) console.log('\nUnexpected:\n  ' + bad.join('\n  '))
const total = k => legs.reduce((n, l) => n + l[k], 0)
console.log(`\nMCP conformance: ${total('passed')} checks passed, ${total('failed')} failed, ${total('expected')} failed as expected, ${total('skipped')} skipped: ${bad.length === 0 ? 'as expected' : 'NOT as expected'}`)
process.exit(bad.length === 0 ? 0 : 1)
