// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Looks at pages of explain --html in Chromium. usage: node test.mjs MODULES PAGES [PICTURE]
// MODULES: folder with node_modules/playwright-core; PAGES: folder with plain.html, hostile.html,
// big.html and unknown.html as html-page writes them; PICTURE: a PNG of the plain page is left there.
import { createRequire } from 'node:module';
import { strict as assert } from 'node:assert';
import path from 'node:path';

const [, , modules, pages, picture] = process.argv;
const { chromium } = createRequire(path.resolve(modules, 'test.mjs'))('playwright-core');
const WIDE = { width: 1280, height: 800 }, NARROW = { width: 600, height: 800 };
const tests = [];
const test = (name, options, run) => tests.push({ name, options, run });

const range = (page) => page.$eval('#range', (node) => [Number(node.dataset.from), Number(node.dataset.to)]);
const span = async (page) => { const [from, to] = await range(page); return to - from; };
const lines = (page, selector) => page.$$eval(selector, (all) => all.map((node) => node.textContent));
const focused = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-label') ||
	document.activeElement.textContent);

async function viewBox(page) {
	await page.$eval('#view', (node) => node.scrollIntoView({ block: 'start' }));
	return (await page.$('#view')).boundingBox();
}

// What is drawn comes a frame later, or several on a busy machine.
async function eventually(holds) {
	for (let i = 0; i < 100; i++) {
		if (await holds())
			return true;
		await new Promise((done) => setTimeout(done, 50));
	}
	return false;
}

// Whether a lane has a pixel of that custom colour.
async function laneHas(page, name, color) {
	return page.evaluate(([laneName, property]) => {
		const canvas = document.getElementById('canvas'), copy = document.createElement('canvas');
		const names = document.getElementById('names'), scale = canvas.height / canvas.clientHeight;
		const lane = [...names.children].find((div) => div.textContent === laneName);
		const pixels = copy.getContext('2d', { willReadFrequently: true });
		copy.width = canvas.width;
		copy.height = lane.offsetHeight * scale;
		pixels.drawImage(canvas, 0, (names.offsetTop - lane.offsetTop) * scale);
		const { data } = pixels.getImageData(0, 0, copy.width, copy.height);
		pixels.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(property).trim();
		pixels.fillRect(0, 0, 1, 1);
		const want = [...pixels.getImageData(0, 0, 1, 1).data];
		for (let i = 0; i < data.length; i += 4)
			if (want.every((value, j) => Math.abs(data[i + j] - value) < 3))
				return true;
		return false;
	}, [name, color]);
}

// Least contrast of the texts of the page, with what it is of.
function contrasts() {
	const rgb = (text) => text.match(/[\d.]+/g).map(Number);
	const light = (color) => {
		const [r, g, b] = color.slice(0, 3).map((c) => c / 255)
			.map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const ground = (node) => {
		for (; node; node = node.parentElement) {
			const color = rgb(getComputedStyle(node).backgroundColor);
			if (color.length < 4 || color[3] > 0)
				return color;
		}
		return [255, 255, 255];
	};
	const all = [];
	const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const node = walker.currentNode.parentElement, color = rgb(getComputedStyle(node).color);
		if (!walker.currentNode.textContent.trim() || !node.getClientRects().length || color[3] === 0)
			continue;
		const [a, b] = [light(color), light(ground(node))].sort((x, y) => y - x);
		all.push([(a + .05) / (b + .05), walker.currentNode.textContent]);
	}
	return all.sort((x, y) => x[0] - y[0])[0];
}

test('the verdict names who is to blame', { file: 'plain' }, async (page) => {
	assert.match(await page.textContent('#times'), /26\.5\sms.*usually 68\.0\sµs/);
	assert.equal(await page.textContent('#cause mark'), 'backup/812 (SCHED_FIFO 50)');
	assert.match(await page.textContent('#sure'), /likely.*92\s%/);
	assert.match(await page.textContent('#sure li'), /was not seen/);
	assert.match(await page.title(), /26\.5\sms/);
	assert.ok(await page.isVisible('#cause mark'));
});

test('the budget stands beside the typical one', { file: 'plain' }, async (page) => {
	const rows = await lines(page, '#budget-table tbody tr');
	assert.match(rows[0], /waiting for a lock24\.2\sms0\sns\+24\.2\sms/);
	assert.equal(rows.length, 6);
});

test('without a typical response nothing is made up', { file: 'unknown' }, async (page) => {
	assert.match(await page.textContent('#budget-table'), /known from 100 responses on/);
	assert.doesNotMatch(await page.textContent('#times'), /usually/);
	assert.equal(await page.locator('.usual').count(), 0);
});

test('the critical path is a tree, open down to the root cause', { file: 'plain' }, async (page) => {
	assert.equal(await page.locator('#tree > ul > li').count(), 8);
	assert.match(await page.textContent('#tree li.root .row'), /CPU held by backup.*root cause.*23\.1\sms/);
	assert.ok(await page.isVisible('#tree li.root .row'));
	const fold = page.locator('#tree .fold[aria-expanded=false]').first();
	const before = await page.locator('#tree .row:visible').count();
	await fold.click();
	assert.ok(await page.locator('#tree .row:visible').count() > before);
});

test('the critical path is drawn through the lanes', { file: 'plain' }, async (page) => {
	const visible = await page.$$eval('#strip button', (all) => all.every((node) => {
		const box = node.getBoundingClientRect(), view = node.closest('#view').getBoundingClientRect();
		return box.width >= 3 && box.left >= view.left - 1 && box.right <= view.right + 4;
	}));
	assert.ok(visible);
	assert.equal(await page.locator('#strip button').count(), 8);
	for (const [lane, color] of [['cpu0', '--path'], ['cpu1', '--path'], ['mc-lru/1241', '--path'],
		['mc-worker/1240', '--path'], ['cpu1', '--blame'], ['cpu0', '--target'], ['backup/812', '--running']])
		assert.ok(await eventually(() => laneHas(page, lane, color)), `${color} in ${lane}`);
	assert.ok(!await laneHas(page, 'java/848', '--blame'));
});

test('keys zoom and pan', { file: 'plain' }, async (page) => {
	await page.focus('#view');
	const home = await range(page), wide = home[1] - home[0];
	await page.keyboard.press('+');
	assert.ok(await span(page) < .7 * wide);
	await page.keyboard.press('-');
	await page.keyboard.press('-');
	assert.ok(await span(page) > 1.3 * wide);
	await page.keyboard.press('0');
	assert.deepEqual(await range(page), home);
	await page.keyboard.press('+');
	const [from] = await range(page);
	await page.keyboard.press('ArrowRight');
	assert.ok((await range(page))[0] > from);
	await page.keyboard.press('ArrowLeft');
	assert.ok(Math.abs((await range(page))[0] - from) < 1000);
	await page.keyboard.press('a');
	assert.deepEqual(await range(page), [-40e6, 26488e3 + 35e6]);
});

test('the wheel zooms where the pointer is', { file: 'plain' }, async (page) => {
	const box = await viewBox(page), [from, to] = await range(page);
	await page.mouse.move(box.x + box.width / 4, box.y + 100);
	await page.mouse.wheel(0, -200);
	await page.waitForFunction((wide) => {
		const { from: a, to: b } = document.getElementById('range').dataset;
		return b - a < wide;
	}, .9 * (to - from));
	const [a, b] = await range(page), at = from + (to - from) / 4;
	assert.ok(Math.abs(a + (b - a) / 4 - at) < (b - a) / 50);
});

test('dragging selects', { file: 'plain' }, async (page) => {
	const box = await viewBox(page), [from, to] = await range(page);
	await page.mouse.move(box.x + box.width * .25, box.y + 100);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * .5, box.y + 120, { steps: 3 });
	assert.ok(await page.isVisible('#selection'));
	await page.mouse.up();
	const [a, b] = await range(page);
	assert.ok(Math.abs(a - (from + (to - from) * .25)) < (to - from) / 50);
	assert.ok(Math.abs(b - (from + (to - from) * .5)) < (to - from) / 50);
	assert.ok(!await page.isVisible('#selection'));
});

test('the pointer shows details', { file: 'plain' }, async (page) => {
	const box = await viewBox(page);
	const y = await page.$$eval('#names div', (all) => {
		const lane = all.find((div) => div.textContent === 'cpu1').getBoundingClientRect();
		return lane.bottom - 8;
	});
	await page.mouse.move(box.x + box.width / 2, y);
	assert.match(await page.textContent('#tip'), /backup\/812 \(SCHED_FIFO 50\)\s*ran 23\.1\sms/);
	await page.mouse.move(5, 5);
	assert.ok(!await page.isVisible('#tip'));
});

test('Tab reaches the stretches of the path, Enter zooms to one', { file: 'plain' }, async (page) => {
	await page.focus('#view');
	const seen = [];
	for (let i = 0; i < 6; i++) {
		await page.keyboard.press('Tab');
		seen.push(await focused(page));
	}
	assert.match(seen[0], /interrupt handler, 1\.80\sµs/);
	assert.match(seen[5], /waiting for a lock, 24\.2\sms, 91\s% of the response[^]*waited for mc-lru/);
	assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
	assert.match(await page.textContent('#tip'), /waiting for a lock/);
	await page.keyboard.press('Enter');
	const [from, to] = await range(page);
	assert.ok(from < 2190e3 && from > -2e6 && to > 26390e3 && to < 30e6);
	await page.keyboard.press('Shift+Tab');
	await page.keyboard.press('Enter');
	assert.ok(await span(page) < 400e3);
});

test('Tab reaches the tree, Enter zooms to a node', { file: 'plain' }, async (page) => {
	let text = '';
	for (let i = 0; i < 40 && !/root cause/.test(text); i++) {
		await page.keyboard.press('Tab');
		text = await focused(page);
	}
	assert.match(text, /root cause/);
	await page.keyboard.press('Enter');
	const [from, to] = await range(page);
	assert.ok(from > 0 && from < 2600e3 && to > 25700e3 && to < 28e6);
});

test('hostile names are text', { file: 'hostile' }, async (page) => {
	assert.match(await page.textContent('#cause mark'), /^<script>alert\(1\/812 /);
	assert.match(await page.textContent('#who'), /"'&\\xff\\xe2\\x80\\xa8<!--/);
	assert.ok((await lines(page, '#names div')).some((text) => text.startsWith('</script><b>/')));
	assert.equal(await page.locator('script').count(), 2);
	assert.equal(await page.locator('#names b, #legend b, #cause b').count(), 0);
});

test('a huge timeline stays usable', { file: 'big' }, async (page) => {
	assert.match(await page.textContent('#left-out'), /short stretches were merged/);
	const ms = await page.evaluate(async () => {
		const start = performance.now();
		for (let i = 0; i < 10; i++) {
			document.getElementById(i % 2 ? 'zoom-in' : 'zoom-out').click();
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
		}
		return (performance.now() - start) / 10;
	});
	assert.ok(ms < 1000, `${ms} ms a frame`);
});

test('dark is dark and light is light', { file: 'plain' }, async (page) => {
	const ground = () => page.evaluate(() =>
		Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0]));
	assert.ok(await ground() > 200);
	await page.emulateMedia({ colorScheme: 'dark' });
	assert.ok(await ground() < 50);
	assert.ok(await eventually(() => laneHas(page, 'cpu1', '--blame')));
});

for (const colorScheme of ['light', 'dark'])
	test(`all text is readable, ${colorScheme}`, { file: 'plain', colorScheme }, async (page) => {
		const [ratio, text] = await page.evaluate(contrasts);
		assert.ok(ratio >= 4.5, `contrast ${ratio.toFixed(2)} of "${text}"`);
	});

for (const [name, viewport] of [['1280x800', WIDE], ['600 wide', NARROW]])
	for (const file of ['plain', 'hostile', 'big', 'unknown'])
		test(`${file} fits ${name}`, { file, viewport }, async (page) => {
			const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
			assert.ok(over <= 0, `${over} pixels too wide`);
			assert.ok(await page.isVisible('#cause') && await page.isVisible('#canvas'));
			const box = await (await page.$('#canvas')).boundingBox();
			assert.ok(box.width > 300 && box.height > 150);
		});

// A page of its own for each: nothing may be logged, asked or fetched in any of them.
async function runTest(browser, { options, run }) {
	const page = await browser.newPage({ viewport: options.viewport || WIDE, colorScheme: options.colorScheme || 'light' });
	const url = `file://${path.resolve(pages, options.file + '.html')}`, wrong = [];
	page.setDefaultTimeout(10000);
	page.on('console', (message) => wrong.push(`console: ${message.text()}`));
	page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
	page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
	page.on('request', (request) => request.url() !== url && wrong.push(`request: ${request.url()}`));
	try {
		await page.goto(url);
		await run(page);
		assert.deepEqual(wrong, []);
	} finally {
		await page.close();
	}
}

async function takePicture(browser) {
	const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
	await page.goto(`file://${path.resolve(pages, 'plain.html')}`);
	await page.waitForTimeout(200);
	await page.screenshot({ path: picture, fullPage: true });
	await page.close();
}

const browser = await chromium.launch({
	executablePath: process.env.WL_CHROMIUM || '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
let failed = 0;
for (const one of tests) {
	try {
		await runTest(browser, one);
		console.log(`pass html: ${one.name}`);
	} catch (error) {
		failed++;
		console.log(`fail html: ${one.name}`);
		console.error(error.message);
	}
}
if (picture)
	await takePicture(browser);
await browser.close();
console.log(`${tests.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed ? 1 : 0);
