-- The workloads' requests, for wrk, and a line of JSON at the end. The arguments stand in `wrk.rs`.
local workload, path, orders, tokens, steps, created
local turn, last_customer, is_verified = 0, 0, false

local ORDER = '{"delivery_address":"123 Main St, City, State 12345",'
  .. '"delivery_latitude":"40.7128","delivery_longitude":"-74.0060"}'
local STATUSES = { "pending", "confirmed", "preparing", "out_for_delivery", "delivered", "cancelled" }
local STEPS = { '{"status":"preparing"}', '{"status":"out_for_delivery"}', '{"status":"delivered"}' }
-- So many orders take a step before any takes its next: more than can be under way at once.
local WINDOW = 500

local function lines(file)
  local list = {}
  for line in io.lines(file) do list[#list + 1] = line end
  return list
end

local function ask(method, target, token, body)
  local head = method .. " " .. target .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nAuthorization: Bearer " .. token .. "\r\n"
  if not body then return head .. "\r\n" end
  return head .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

-- Customers in turn, so that none has two requests under way.
local function customer()
  last_customer = last_customer % #tokens.customers + 1
  return tokens.customers[last_customer]
end

local function read(id)
  return ask("GET", path .. id, tokens.customers[(id * 7919) % #tokens.customers + 1])
end

local function place() return ask("POST", "/orders", customer(), ORDER) end

-- All steps of these orders, such that an order's next is asked for long after its last.
local function steps_of(ids)
  local list = {}
  for first = 1, #ids - WINDOW + 1, WINDOW do
    for _, step in ipairs(STEPS) do
      for i = first, first + WINDOW - 1 do list[#list + 1] = { id = ids[i], body = step } end
    end
  end
  return list
end

-- The next step; nothing when all orders have been delivered.
local function advance()
  turn = turn + 1
  local next = steps[turn]
  return next and ask("PUT", "/orders/" .. next.id .. "/status", tokens.admin, next.body)
end

local workloads = {
  get_order_hot = function() return read(math.floor(orders / 2)) end,
  get_order_random = function() return read(math.random(orders)) end,
  my_orders = function() return ask("GET", "/orders/my-orders", customer()) end,
  admin_list = function()
    turn = turn % #STATUSES + 1
    return ask("GET", "/orders?status=" .. STATUSES[turn] .. "&limit=20", tokens.admin)
  end,
  create_order = place,
  update_status = advance,
  mixed = function()
    local chance = math.random(100)
    if chance <= 80 then return read(math.random(orders)) end
    if chance > 95 then return advance() end
    return place()
  end,
}

function setup(thread) worker = thread end

function init(args)
  workload, path, orders = workloads[args[1]], args[2], tonumber(args[3])
  math.randomseed(tonumber(args[4]))
  local all = lines(args[5])
  tokens = { admin = table.remove(all, 1), customers = all }
  steps = steps_of(args[6] and lines(args[6]) or {})
  last_customer = math.random(#all)
  created = args[7] and io.open(args[7], "a")
  if not created then response = nil end
  ran_out = 0
end

function request()
  -- wrk looks at the first request without sending it.
  if not is_verified then
    is_verified = true
    return read(1)
  end
  local next = workload()
  if next then return next end
  ran_out = 1
  return read(1)
end

-- Notes the orders that were created; items have ids of their own.
function response(status, _, body)
  local id = status == 201 and body:gsub('"items"%s*:%s*%b[]', ""):match('"id"%s*:%s*(%d+)')
  if id then created:write(id, "\n") created:flush() end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('RESULT {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"broken":%d,"refused":%d,"ran_out":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status, worker:get("ran_out")))
end
